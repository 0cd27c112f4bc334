"""What `vigie check` says, in French.

As in gettext, the English sentence is the key: those who find a problem say it once, in English,
and need to know no other language. `{name}` stands for any words, `{said_…}` for words that may be
a sentence of this catalogue themselves.
"""

import re
from functools import cache

from service.content.french_rules import ABOUT_RULES


def in_french(english: str) -> str | None:
    """Return the French for a problem's `why` or `suggestion`; None if it is not here."""
    for pattern, french in _patterns():
        if match := pattern.fullmatch(english):
            words = {
                name: (in_french(words) or words) if name.startswith("said") else words
                for name, words in match.groupdict().items()
            }
            return french.format_map(words)
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((_pattern(english), french) for english, french in _FRENCH.items())


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", english)
    words = (f"(?P<{part}>.*?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
    return re.compile("".join(words), re.DOTALL)


_FILES = {
    "the file cannot be read: {reason}": "le fichier ne peut pas être lu : {reason}",
    "the file is larger than {size}": "le fichier dépasse {size}",
    "split it, or check that it is the right file": (
        "découpez-le, ou vérifiez que c'est le bon fichier"
    ),
    "this is not UTF-8": "ce n'est pas de l'UTF-8",
    "save the file as UTF-8": "enregistrez le fichier en UTF-8",
    "only {suffix} files are read here": "seuls les fichiers {suffix} sont lus ici",
    "name it {name}, or take it out of this folder": "nommez-le {name}, ou ôtez-le de ce dossier",
    "more than {most} problems: the others are not told": (
        "plus de {most} problèmes : les autres ne sont pas dits"
    ),
    "mend these first": "corrigez d'abord ceux-ci",
    "the file is empty": "le fichier est vide",
    "take it from a sound copy": "reprenez-le d'une bonne copie",
    "a file of rules is a list": "un fichier de règles est une liste",
    "begin each rule with `- id:`": "commencez chaque règle par `- id:`",
    "this row cannot be read: {reason}": "cette ligne ne peut pas être lue : {reason}",
    "the table has more than {most} rows": "la table a plus de {most} lignes",
    "leave out what is far away": "laissez de côté ce qui est loin",
    "close every quote": "fermez chaque guillemet",
    "the first row must be {columns}": "la première ligne doit être {columns}",
}
_YAML = {
    "a character that is not text": "un caractère qui n'est pas du texte",
    "remove it, or save the file as UTF-8": "ôtez-le, ou enregistrez le fichier en UTF-8",
    "a tab": "une tabulation",
    "use spaces": "utilisez des espaces",
    "a line that begins with %": "une ligne qui commence par %",
    "put the text in quotes, or remove the line": (
        "mettez le texte entre guillemets, ou ôtez la ligne"
    ),
    "anchors and aliases (& and *) are not read": "les ancres et alias (& et *) ne sont pas lus",
    "write the text out, or quote it": "écrivez le texte en entier, ou entre guillemets",
    "a second document begins": "un second document commence",
    "keep one in a file": "gardez-en un seul par fichier",
    "a tag, which has no meaning here": "une étiquette, qui n'a pas de sens ici",
    "write the value alone": "écrivez la valeur seule",
    "the file has more than {most} values": "le fichier a plus de {most} valeurs",
    "split it": "découpez-le",
    "more than {most} lists or keys inside each other": ("plus de {most} listes ou clés emboîtées"),
    "a key must be one word or text": "une clé doit être un mot ou un texte",
    "put the key in quotes": "mettez la clé entre guillemets",
    "this key stands here twice": "cette clé est écrite deux fois ici",
    "keep one of the two; the other is in line {line}": (
        "gardez l'une des deux ; l'autre est à la ligne {line}"
    ),
    "a `:` where no key can stand": "un `:` là où aucune clé ne peut être",
    "indent as the lines around it are, or put a text that holds `: ` in quotes": (
        "alignez comme les lignes voisines, ou mettez entre guillemets un texte qui contient `: `"
    ),
    "a quote is opened and never closed": "un guillemet est ouvert et jamais fermé",
    "close the quote": "fermez le guillemet",
    "a list that begins with [ is not closed": "une liste qui commence par [ n'est pas fermée",
    "what begins with { is not closed": "ce qui commence par {{ n'est pas fermé",
    "close it with {mark}": "fermez avec {mark}",
    "a text cannot begin with this character": "un texte ne peut pas commencer par ce caractère",
    "put it in quotes": "mettez-le entre guillemets",
    "this line is not indented as those before it": (
        "cette ligne n'est pas alignée comme celles qui précèdent"
    ),
    "use the same indentation": "utilisez le même retrait",
    "indent it alike": "alignez-la de même",
    "a list cannot begin here": "une liste ne peut pas commencer ici",
    "begin it on a line of its own": "commencez-la sur une ligne à elle",
    "a key without its `:`": "une clé sans son `:`",
    "write `key: value`": "écrivez `clé: valeur`",
    "this is not YAML: {reason}": "ce n'est pas du YAML : {reason}",
}
_VALUES = {
    "unknown key `{key}`": "clé inconnue `{key}`",
    "did you mean `{key}`?": "vouliez-vous dire `{key}` ?",
    "the keys are {keys}": "les clés sont {keys}",
    "`{key}` cannot stand beside `{other}`": "`{key}` ne peut pas être à côté de `{other}`",
    "write it inside `{other}`, or remove it": "écrivez-la dans `{other}`, ou ôtez-la",
    "`{key}` cannot stand here": "`{key}` ne peut pas être ici",
    "remove it": "ôtez-la",
    "`{key}` is missing": "`{key}` manque",
    "add `{key}:`": "ajoutez `{key}:`",
    "`{written}` is not one of {choices}": "`{written}` n'est pas dans {choices}",
    "a value is missing": "une valeur manque",
    "write it behind the `:`, or remove the line": "écrivez-la après le `:`, ou ôtez la ligne",
    "`{written}` is not a whole number": "`{written}` n'est pas un nombre entier",
    "`{written}` is not a number": "`{written}` n'est pas un nombre",
    "write it in digits, as 10": "écrivez-le en chiffres, comme 10",
    "`{written}` is neither yes nor no": "`{written}` n'est ni oui ni non",
    "write true or false": "écrivez true ou false",
    "a list is wanted here": "il faut une liste ici",
    "a list is wanted: {list}": "il faut une liste : {list}",
    "write [one, another], or lines that begin with -": (
        "écrivez [un, autre], ou des lignes qui commencent par -"
    ),
    "keys are wanted here": "il faut des clés ici",
    "write lines of `key: value`": "écrivez des lignes `clé: valeur`",
    "one word or text is wanted here": "il faut un mot ou un texte ici",
    "a whole number is wanted here": "il faut un nombre entier ici",
    "a number is wanted here": "il faut un nombre ici",
    "must be more than {number}": "doit être supérieur à {number}",
    "must be at least {number}": "doit être au moins {number}",
    "must be less than {number}": "doit être inférieur à {number}",
    "must be at most {number}": "doit être au plus {number}",
    "must not be empty": "ne doit pas être vide",
    "must have at least {number} entries": "doit avoir au moins {number} éléments",
    "must have at most {number} entries": "doit avoir au plus {number} éléments",
    "must have at least {number} characters": "doit avoir au moins {number} caractères",
    "must have at most {number} characters": "doit avoir au plus {number} caractères",
    "`{written}` is not written as it should be": "`{written}` n'est pas écrit comme il faut",
    "it must match {pattern}": "il doit suivre {pattern}",
    "A short name of its own: small letters, digits and hyphens": (
        "un nom court et unique : petites lettres, chiffres et traits d'union"
    ),
    "A pcode of its own": "un pcode à elle",
    "The rule's id": "l'id de la règle",
    "The rule's id, or `any` for every rule": "l'id de la règle, ou `any` pour toutes",
    "The rule's hash, as `vigie check` tells it": (
        "l'empreinte de la règle, comme `vigie check` la donne"
    ),
}
_PLACES = {
    "the columns are {columns}": "les colonnes sont {columns}",
    "{parent} is not in the rows above": "{parent} n'est pas dans les lignes précédentes",
    "{code} stands twice": "{code} est écrit deux fois",
    "{kind} is not village or market": "{kind} n'est ni village ni market",
    "{area} is not in {file}.csv": "{area} n'est pas dans {file}.csv",
    "{code} is no place code: its last digit does not check the others": (
        "{code} n'est pas un code de lieu : son dernier chiffre ne vérifie pas les autres"
    ),
    "{code} has no name": "{code} n'a pas de nom",
    "no place has the code {code}": "aucun lieu n'a le code {code}",
    "it has no letter to type": "il n'a aucune lettre à taper",
    "{degrees} are not decimal degrees": "{degrees} ne sont pas des degrés décimaux",
    "{degrees} are not on the Earth": "{degrees} ne sont pas sur la Terre",
}
_CODEBOOK = {
    "{type} has no title in {language}": "{type} n'a pas de titre en {language}",
    "the {language} title of {type} has {letters}, which would more than halve what fits in an "
    "SMS: choose another wording": (
        "le titre {language} de {type} a {letters}, ce qui réduirait de plus de moitié ce que "
        "contient un SMS : choisissez d'autres mots"
    ),
    "“{phrase}” has no letter that a basic phone can type": (
        "« {phrase} » n'a aucune lettre qu'un téléphone simple puisse taper"
    ),
    "“{phrase}” is given two meanings: remove one of them": (
        "« {phrase} » a deux sens : ôtez l'un des deux"
    ),
    "type ids are declared twice: {ids}": "des ids de types sont déclarés deux fois : {ids}",
    "types share words with commands: {words}": (
        "des types ont les mêmes mots que des commandes : {words}"
    ),
}
_TEXTS = {
    "it accuses, names a community, or points at who reported": (
        "il accuse, nomme une communauté, ou désigne qui a signalé"
    ),
    "no text may say who reported, their number, or the exact place or hour": (
        "aucun texte ne peut dire qui a signalé, son numéro, le lieu exact ou l'heure"
    ),
    "this looks like a phone number: whoever takes the phone could call it": (
        "on dirait un numéro de téléphone : qui prend le téléphone pourrait l'appeler"
    ),
    "it tells what the phone is used for": "il dit à quoi sert le téléphone",
    "{said_why}: {word} is in {file}.txt": "{said_why} : {word} est dans {file}.txt",
    "this text is missing or empty in {language}": "ce texte manque ou est vide en {language}",
    "write it, after the one of another language": ("écrivez-le, d'après celui d'une autre langue"),
    "the text does not begin with its status, between two lines of ---": (
        "le texte ne commence pas par son statut, entre deux lignes de ---"
    ),
    "begin with the lines {lines}": "commencez par les lignes {lines}",
    "a reviewed text says who reviewed it: add `reviewed_by:`, initials": (
        "un texte relu dit qui l'a relu : ajoutez `reviewed_by:`, des initiales"
    ),
    "nobody has reviewed a draft: write `status: reviewed`, or take out `reviewed_by:`": (
        "personne n'a relu un brouillon : écrivez `status: reviewed`, ou ôtez `reviewed_by:`"
    ),
    "Initials are two to four capitals, as AD": (
        "des initiales sont deux à quatre majuscules, comme AD"
    ),
    "the texts in {language} cannot be drafts: everybody else falls back to them": (
        "les textes en {language} ne peuvent être des brouillons : ils servent à qui n'en a pas "
        "d'autres"
    ),
    "have it reviewed by a native speaker": "faites-le relire par qui a grandi avec cette langue",
    "only texts in {language} are transliterated: here it would change words": (
        "seuls les textes en {language} sont translittérés : ici cela changerait des mots"
    ),
    "take the line out": "ôtez la ligne",
    "{count} texts in {language} are drafts or missing: real phones get the person's second "
    "language ({names})": (
        "{count} textes en {language} sont des brouillons ou manquent : les vrais téléphones "
        "reçoivent la seconde langue de la personne ({names})"
    ),
    "have them reviewed by a native speaker, words.txt first": (
        "faites-les relire par qui a grandi avec cette langue, words.txt d'abord"
    ),
    "no text has this name": "aucun texte n'a ce nom",
    "write words, {{ placeholders }} and {# notes #} only": (
        "n'écrivez que des mots, des {{{{ places }}}} et des {{# notes #}}"
    ),
    "this text has no value of that name; it has {values}": (
        "ce texte n'a pas de valeur de ce nom ; il a {values}"
    ),
    "without its alerts a digest tells of none": ("sans ses alertes, un résumé n'en dit aucune"),
    "add {{ alerts }}": "ajoutez {{{{ alerts }}}}",
    "without its number an alert cannot be answered": (
        "sans son numéro on ne peut pas répondre à une alerte"
    ),
    "add {{ number }}": "ajoutez {{{{ number }}}}",
    "nothing has this name": "rien n'a ce nom",
    "this was said already": "cela a déjà été dit",
    "keep one of the two lines": "gardez une des deux lignes",
    "no words are given": "il n'y a pas de mots",
    "these words are missing": "ces mots manquent",
    "{said_why}; a date has {values}": "{said_why} ; une date a {values}",
    "{letter} is outside GSM-7: a segment would hold 70 characters instead of 160": (
        "{letter} est hors de GSM-7 : un segment tiendrait 70 caractères au lieu de 160"
    ),
    "leave it out": "ôtez-le",
    "the title of {type} in rules/codebook.yaml: {word}: {said_why}": (
        "le titre de {type} dans rules/codebook.yaml : {word} : {said_why}"
    ),
    "at worst this takes {segments} segments ({units} characters in {encoding}), and {most} is "
    "the most it may": (
        "au pire cela prend {segments} segments ({units} caractères en {encoding}), "
        "et {most} est le maximum"
    ),
    "shorten the text, or raise its max_segments": (
        "raccourcissez le texte, ou augmentez son max_segments"
    ),
    "template code other than {{ placeholder }} and {# note #}": (
        "du code de gabarit autre que {{{{ place }}}} et {{# note #}}"
    ),
    "the template code is too deep or too large to be read": (
        "le code du gabarit est trop profond ou trop grand pour être lu"
    ),
    "the braces do not fit: {reason}": "les accolades ne vont pas ensemble : {reason}",
    "{{{name}}} is not a value of this text": "{{{{{name}}}}} n'est pas une valeur de ce texte",
    "a word is made of letters, with at most one * at its beginning and its end": (
        "un mot est fait de lettres, avec au plus un * au début et un à la fin"
    ),
    "the list is missing or empty": "la liste manque ou est vide",
    "bring the list back: without it no text is checked for such words": (
        "remettez la liste : sans elle aucun texte n'est vérifié pour ces mots"
    ),
}
# Last, as they fit most.
_GENERAL = {
    "add {what}": "ajoutez {what}",
    "write {what}": "écrivez {what}",
    "{word}?": "{word} ?",
}
_FRENCH = _FILES | _YAML | _VALUES | ABOUT_RULES | _PLACES | _CODEBOOK | _TEXTS | _GENERAL

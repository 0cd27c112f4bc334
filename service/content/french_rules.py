"""What is said of rules and what they name, in French: a part of the catalogue in `french`."""

_RULES = {
    "a duration is written 72h, 3d or 2w": "une durée s'écrit 72h, 3d (jours) ou 2w (semaines)",
    "at most {people} people can have sent {reports} reports": (
        "au plus {people} personnes peuvent avoir envoyé {reports} signalements"
    ),
    "`outside` has no meaning without `only_in`": "`outside` n'a pas de sens sans `only_in`",
    "must be more than the {reports} asked in season": (
        "doit dépasser les {reports} demandés en saison"
    ),
    "a rule cannot inhibit itself": "une règle ne peut pas s'inhiber elle-même",
    "must be more than the {reports} of the step before": (
        "doit dépasser les {reports} de l'étape précédente"
    ),
    "must be graver than the `{severity}` of the step before": (
        "doit être plus grave que `{severity}`, à l'étape précédente"
    ),
    "`within` must say where: km, area or place": "`within` doit dire où : km, area ou place",
    "`within` has `{one}` already": "`within` a déjà `{one}`",
    "a sequence is within km and hours": "une suite se compte en km et en heures (km, hours)",
    "must be at least four times the `window`": "doit faire au moins quatre fois `window`",
    "`per` is written [area, type]": "`per` s'écrit [area, type]",
    "must be at least the {hours} hours of `after`": (
        "doit faire au moins les {hours} heures de `after`"
    ),
    "must be less than the {hours} hours of `quiet_for`, after which the alert is new": (
        "doit être inférieur aux {hours} heures de `quiet_for`, après quoi l'alerte est nouvelle"
    ),
    "`outside` has a meaning only where `when` is one count": (
        "`outside` n'a de sens que si `when` est un seul compte"
    ),
    "an exact place is asked for only with two distinct reporters or more": (
        "un lieu exact ne se demande qu'avec deux personnes distinctes ou plus"
    ),
    "ask for distinct_reporters: 2": "demandez distinct_reporters: 2",
    "`{type}` is not public in the codebook: no rule may ask for its exact place": (
        "`{type}` n'est pas public dans le codebook : "
        "aucune règle ne peut en demander le lieu exact"
    ),
    "take out `place: exact`": "ôtez `place: exact`",
    "no market day is known, so this can never be met": (
        "aucun jour de marché n'est connu : cela ne peut jamais arriver"
    ),
    "write the markets in rules/markets.yaml": "écrivez les marchés dans rules/markets.yaml",
    "`any` means every rule, and is no rule's id": (
        "`any` veut dire toutes les règles, et n'est l'id d'aucune"
    ),
    "choose another id": "choisissez un autre id",
    "another rule has the id `{id}`": "une autre règle a l'id `{id}`",
    "rename one of the two; see {where}": "renommez l'une des deux ; voyez {where}",
    "one report of any type may not alert alone": (
        "un seul signalement de n'importe quel type ne peut pas alerter"
    ),
    "ask for at_least: 2, or name types": "demandez at_least: 2, ou nommez des types",
    "the codebook has no type `{type}`": "le codebook n'a pas de type `{type}`",
    "types are declared in rules/codebook.yaml": (
        "les types sont déclarés dans rules/codebook.yaml"
    ),
    "`{type}` says that all is well: no rule can count it": (
        "`{type}` dit que tout va bien : aucune règle ne peut le compter"
    ),
    "take it out of the list": "ôtez-le de la liste",
    "one report of `{type}` may not alert alone": (
        "un seul signalement de `{type}` ne peut pas alerter"
    ),
    "ask for at_least: 2, or take it out of the list": (
        "demandez at_least: 2, ou ôtez-le de la liste"
    ),
    "there is no season `{season}`": "il n'y a pas de saison `{season}`",
    "seasons are in rules/seasons.yaml": "les saisons sont dans rules/seasons.yaml",
    "there is no rule `{rule}`": "il n'y a pas de règle `{rule}`",
    "`{one}` and `{other}` inhibit each other": "`{one}` et `{other}` s'inhibent l'une l'autre",
    "keep one of the two": "gardez l'un des deux",
}
_SEASONS_AND_AREAS = {
    "a day of the year is written month-day: {example}": (
        "un jour de l'année s'écrit mois-jour : {example}"
    ),
    "a date is written year-month-day: {example}": "une date s'écrit année-mois-jour : {example}",
    "closes before it opens": "se ferme avant de s'ouvrir",
    "a window is at most a year long": "une fenêtre dure un an au plus",
    "the window of {year} opens in {year_too} or the year after": (
        "la fenêtre de {year} s'ouvre en {year} ou l'année suivante"
    ),
    "{area} is in the zones {one} and {other}": "{area} est dans les zones {one} et {other}",
    "no area has the pcode `{pcode}`": "aucune zone n'a le pcode `{pcode}`",
    "look it up in {file}": "cherchez-le dans {file}",
    "no time zone has this name; Mali's is {zone}": (
        "aucun fuseau horaire n'a ce nom ; celui du Mali est {zone}"
    ),
    "the country, {code}, must be the first area": "le pays, {code}, doit être la première zone",
    "the merge {code} has the code of another area": (
        "le regroupement {code} a le code d'une autre zone"
    ),
    "the merge {code} names {area}, which is not an area": (
        "le regroupement {code} nomme {area}, qui n'est pas une zone"
    ),
    "the merge {code} must have two or more areas with the same parent, "
    "none of them in another merge": (
        "le regroupement {code} doit avoir au moins deux zones du même parent, "
        "dont aucune dans un autre regroupement"
    ),
}
_RELEASE = {
    "a time of the day is written 06:00, from 00:00 to 23:59": (
        "une heure du jour s'écrit 06:00, de 00:00 à 23:59"
    ),
    "a severity leaves at once, and a graver one would wait": (
        "une gravité part aussitôt, et une plus grave attendrait"
    ),
    "the first end is 00:00: an alert names a day, which a window over midnight tells": (
        "la première fin est 00:00 : une alerte nomme un jour, ce qu'une fenêtre à cheval sur "
        "minuit dirait"
    ),
    "ends of windows stand in the order of the day, each once": (
        "les fins de fenêtres sont dans l'ordre du jour, chacune une fois"
    ),
}
_CHECK_INS = {
    "the last hour of check-ins is not after the first": (
        "la dernière heure des prises de nouvelles n'est pas après la première"
    ),
}
_ESCALATION = {
    "a function is named in small letters, as health_worker, in 24 at most": (
        "une fonction se nomme en petites lettres, comme agent_de_sante, en 24 au plus"
    ),
    "a wait is written 20m, 2h or 1d": "une attente s'écrit 20m, 2h ou 1d (jour)",
    "it ends when it begins": "elle finit quand elle commence",
    "`until` must say what ends it: acknowledge, on_the_way or done": (
        "`until` doit dire ce qui y met fin : acknowledge, on_the_way ou done"
    ),
    "a step must say whom it tells: serving, functions or rota": (
        "une étape doit dire qui elle prévient : serving, functions ou rota"
    ),
    "a rota says the functions itself: keep one of the two": (
        "un tour de garde dit lui-même les fonctions : gardez l'un des deux"
    ),
    "only the last step has no `wait`: say how long until the next": (
        "seule la dernière étape n'a pas de `wait` : dites combien de temps avant la suivante"
    ),
    "the last step tells the coordinators, wherever they serve, and waits for nothing": (
        "la dernière étape prévient les coordinateurs, où qu'ils servent, et n'attend rien"
    ),
    "one function must be `coordinator`: who hears of what nobody answered": (
        "une fonction doit être `coordinator` : qui apprend ce à quoi personne n'a répondu"
    ),
    "this route fits every alert, so none comes to those below it": (
        "cette voie va à toute alerte : aucune n'arrive à celles du dessous"
    ),
    "the last route must fit every alert: no areas, types, severities or hours": (
        "la dernière voie doit aller à toute alerte : ni areas, ni types, ni severities, ni hours"
    ),
    "times of digests stand in the order of the day, each once": (
        "les heures des résumés sont dans l'ordre du jour, chacune une fois"
    ),
    "a digest in the quiet hours never leaves: they hold back what it tells": (
        "un résumé pendant les heures de silence ne part jamais : elles retiennent ce qu'il dit"
    ),
    "no hours are called `{name}` in this file": (
        "aucunes heures ne s'appellent `{name}` dans ce fichier"
    ),
    "no rota is called `{name}` in this file": (
        "aucun tour de garde ne s'appelle `{name}` dans ce fichier"
    ),
    "no function is called `{name}` in this file": (
        "aucune fonction ne s'appelle `{name}` dans ce fichier"
    ),
    "declare it above": "déclarez-la plus haut",
    "another route has the id `{id}`": "une autre voie a l'id `{id}`",
}
_LISTS_SILENCES_AND_MARKETS = {
    "a list is named in small letters, as armed_raids": (
        "une liste se nomme en petites lettres, comme attaques_armees"
    ),
    "`{name}` is a type of its own: a list needs another name": (
        "`{name}` est déjà un type : il faut un autre nom à la liste"
    ),
    "rename the list": "renommez la liste",
    "a moment is written {day} or {moment}": "un moment s'écrit {day} ou {moment}",
    "ends before it begins": "finit avant de commencer",
    "another silence has the id `{id}`": "un autre silence a l'id `{id}`",
    "rename one of the two": "renommez l'un des deux",
    "no place has the code `{code}`": "aucun lieu n'a le code `{code}`",
    "look it up with `vigie parse`, or in rules/places": (
        "cherchez-le avec `vigie parse`, ou dans rules/places"
    ),
    "the place `{code}` is called `{name}`": "le lieu `{code}` s'appelle `{name}`",
    "correct the code or the name": "corrigez le code ou le nom",
}
_PRIVACY = {
    "one person alone can raise this alert, which may tell who reported": (
        "une seule personne peut déclencher cette alerte, ce qui peut dire qui a signalé"
    ),
    "it looks at one {unit} at a time, where fewer than {k} may report: the alert would tell that "
    "one of them did": (
        "elle regarde un lieu à la fois ({unit}), où moins de {k} personnes peuvent signaler : "
        "l'alerte dirait que l'une d'elles l'a fait"
    ),
    "keep it on trial": "gardez-la à l'essai",
    "look at a cercle, or at more kilometres": "regardez un cercle, ou plus de kilomètres",
    "it asks for the exact place, which may tell who was there to report": (
        "elle demande le lieu exact, ce qui peut dire qui était là pour signaler"
    ),
    "{said_instead}, or waive it in rules/waivers.yaml (exposes: {code}, hash: {hash})": (
        "{said_instead}, ou accordez une dérogation dans rules/waivers.yaml "
        "(exposes: {code}, hash: {hash})"
    ),
    "{said_instead}: it cannot go live without a waiver": (
        "{said_instead} : elle ne peut pas passer en service sans dérogation"
    ),
    "take the waiver out": "ôtez la dérogation",
    "`{rule}` has changed since this waiver: its hash is now {hash}": (
        "`{rule}` a changé depuis cette dérogation : son empreinte est maintenant {hash}"
    ),
    "decide anew and write that hash, or take the waiver out": (
        "décidez de nouveau et écrivez cette empreinte, ou ôtez la dérogation"
    ),
    "`{rule}` does not expose {code}": "`{rule}` n'expose pas {code}",
    "take it out of the waiver": "ôtez-le de la dérogation",
}
_RULE_TESTS = {
    "write tests, or remove it": "écrivez des tests, ou supprimez-le",
    "another test has this name": "un autre test porte ce nom",
    "rename one": "renommez l'un des deux",
    "it is taken back before it was received": "il est retiré avant d'avoir été reçu",
    "it is received before it happens": "il est reçu avant que cela n'arrive",
    "no place is called `{name}`": "aucun lieu ne s'appelle `{name}`",
    "look it up in rules/places/": "cherchez-le dans rules/places/",
    "several places are called `{name}`": "plusieurs lieux s'appellent `{name}`",
    "write its cercle behind it: {cercles}; or its code": (
        "écrivez son cercle derrière : {cercles} ; ou son code"
    ),
    "`{rule}` is not under test here": "`{rule}` n'est pas testée ici",
    "add it to `rules:` of this file": "ajoutez-la sous `rules:` de ce fichier",
    "a time is a date and a whole hour: {example}": (
        "un moment est une date et une heure entière : {example}"
    ),
}
ABOUT_RULES = (
    _RULES
    | _SEASONS_AND_AREAS
    | _RELEASE
    | _CHECK_INS
    | _ESCALATION
    | _LISTS_SILENCES_AND_MARKETS
    | _PRIVACY
    | _RULE_TESTS
)

"""A draft never reaches a real phone; once it is reviewed, it does, without a restart."""

from pathlib import Path

from tests.support.content_dir import copy_of_content
from tests.support.network import network, number

SOKOLO = "ML040410"
AWA, FANTA, OUMAR = number(1), number(2), number(3)
FRENCH, ENGLISH = "Bonjour, merci pour votre message.", "Hello, thank you for your message."
BAMBARA = "I ni ce i ka cikan na."


def review(content: Path, name: str) -> None:
    """Let a native speaker put their initials to a text in Bambara."""
    file = content / f"templates_sms/bm/{name}.txt"
    draft = file.read_text(encoding="utf-8")
    assert "status: draft\n" in draft
    head = "status: reviewed\nreviewed_by: AD\n"
    file.write_text(draft.replace("status: draft\n", head), encoding="utf-8")


async def test_people_read_their_second_language_until_their_first_is_reviewed(
    tmp_path: Path,
) -> None:
    content = copy_of_content(tmp_path / "content")
    async with network(tmp_path, content_dir=content) as vigie:
        await vigie.enrol(AWA, "focal_point", SOKOLO, "bm,en")
        await vigie.enrol(FANTA, "focal_point", SOKOLO, "bm")
        await vigie.enrol(OUMAR, "focal_point", SOKOLO, "fr,bm")
        await vigie.settle()

        async def answers() -> list[str]:
            for phone in (AWA, FANTA, OUMAR):
                await vigie.text(phone, f"RAS {vigie.clock.now():%d %H}")
            await vigie.settle()
            vigie.clock.move(hours=7)
            return [vigie.sent_to(phone)[-1] for phone in (AWA, FANTA, OUMAR)]

        assert await answers() == [ENGLISH, FRENCH, FRENCH]
        review(content, "neutral")
        assert await vigie.service.reloader.reload()
        assert await answers() == [ENGLISH, FRENCH, FRENCH]  # its words are still a draft
        review(content, "words")
        assert await vigie.service.reloader.reload()
        assert await answers() == [BAMBARA, BAMBARA, FRENCH]

"""The demo's people: they enrol by texting `INS`, through the same intake as anybody."""

import asyncio

from handlers.app import Service
from handlers.gateways.simulator import PHONES
from service import enrolment
from service.gateway import InboundSms
from service.store import people
from service.store.people import Role
from service.vault.number import PhoneNumber

# Neighbours whose phones are not on the page: without them the demo's areas would hold too few
# focal points for an alert to name more than the country. The numbers are made up.
NEIGHBOURS = {"ML040410": 8, "ML040402": 2, "ML040401": 2, "ML0506": 8}
_FIRST_NEIGHBOUR = 22379001000


async def enrol(service: Service) -> int:
    """Enrol the demo's people, unless anybody is enrolled; how many."""
    async with service.store.read() as tx:
        if await people.counts(tx):
            return 0
    persons: list[tuple[PhoneNumber, Role, str, str]] = [
        (phone.number, phone.role, phone.area, phone.language) for phone in PHONES
    ]
    for area, count in NEIGHBOURS.items():
        for _ in range(count):
            number = PhoneNumber(f"+{_FIRST_NEIGHBOUR + len(persons)}")
            persons.append((number, "focal_point", area, "fr"))
    stopping = asyncio.Event()
    intake = asyncio.create_task(service.intake.run(stopping))
    for number, role, area, language in persons:
        await _text_invite(service, number, role, area, language)
    stopping.set()
    await intake
    while await service.workflow.drain():
        pass
    return len(persons)


async def _text_invite(
    service: Service, number: PhoneNumber, role: Role, area: str, language: str
) -> None:
    store, vault, clock = service.store, service.vault, service.clock
    (code,) = await enrolment.invite(store, vault, clock, role, area, language, 1)
    await service.intake.accept(
        InboundSms(service.gateways[0].name, None, number, f"INS {code}", clock.now())
    )

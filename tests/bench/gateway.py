"""A gateway on loopback in a process of its own: `python -m tests.bench.gateway PORT`"""

import asyncio
import sys

from tests.support.fake_at import FakeAfricasTalking


async def _serve(port: int) -> None:
    async with FakeAfricasTalking(port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

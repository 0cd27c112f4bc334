"""`python -m tests.simulations NAME`: attacks on what the service says, simulated and counted."""

import sys

from tests.simulations import intersection, traffic

SIMULATIONS = {"intersection": intersection.main, "traffic": traffic.main}

if __name__ == "__main__":
    named = sys.argv[1:] or list(SIMULATIONS)
    unknown = [name for name in named if name not in SIMULATIONS]
    if unknown:
        sys.exit(f"no simulation {unknown[0]}: there are {', '.join(SIMULATIONS)}")
    found = [SIMULATIONS[name]() for name in named]
    sys.exit(0 if all(found) else 1)

"""Content with routes of a test's own."""

from pathlib import Path

from tests.support.content_dir import copy_of_content

# Severe alerts at night go by a rota, others by area; extreme ones to all, and two must answer.
ROUTES = """
functions:
  prefect: {fr: Préfet, en: Prefect}
  mediator: {fr: Médiateur, en: Mediator}
  health_worker: {fr: Agent de santé, en: Health worker}
  coordinator: {fr: Coordination, en: Coordination}
hours:
  night: {zone: Africa/Bamako, from: "21:00", to: "06:00"}
rotas:
  nights: {hours: night, since: 2026-11-23, turns: [[prefect], [mediator], [health_worker]]}
quiet: {hours: night, up_to: moderate}
routes:
  - id: extreme
    severities: [extreme]
    until: {acknowledge: 2}
    steps: [{serving: any, wait: 15m}, {functions: [coordinator]}]
  - id: at-night
    severities: [severe]
    hours: night
    steps: [{rota: nights, wait: 30m}, {serving: any, wait: 1h}, {functions: [coordinator]}]
  - id: others
    steps: [{serving: local, wait: 20m}, {serving: wider, wait: 40m}, {functions: [coordinator]}]
"""


def content_with_routes(directory: Path, routes: str = ROUTES) -> Path:
    """Copy the content to `directory`, with these routes in place of the shipped ones."""
    content = copy_of_content(directory)
    (content / "rules/escalation.yaml").write_text(routes, encoding="utf-8")
    return content

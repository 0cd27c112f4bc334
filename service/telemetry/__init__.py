"""What the operator sees: logs and metrics, and the redaction that every log line passes."""

from service.telemetry.logs import configure, log_request
from service.telemetry.metrics import Metrics
from service.telemetry.redaction import redact

__all__ = ["Metrics", "configure", "log_request", "redact"]

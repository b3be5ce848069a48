"""How much memory this process takes."""

from prometheus_client import CollectorRegistry, ProcessCollector

RESIDENT = "process_resident_memory_bytes"


def measure_resident() -> int | None:
    """Its resident memory in bytes. ``None`` where the system does not tell, as Linux does."""
    for metric in ProcessCollector(registry=CollectorRegistry()).collect():
        if metric.name == RESIDENT:
            return int(metric.samples[0].value)
    return None

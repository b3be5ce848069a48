"""Which columns of which tables enter which cached result: the inputs that its version covers."""

from enum import StrEnum


class Result(StrEnum):
    """A cached result."""

    DETAIL = "detail"
    ITEMS = "items"
    METRIC_INFO = "metric info"
    REPLICANTS = "replicants"
    HMIS_RAW = "HMIS, raw"
    HMIS_COMMON = "HMIS, common"
    HFA = "HFA"


D, I, M, R = Result.DETAIL, Result.ITEMS, Result.METRIC_INFO, Result.REPLICANTS  # noqa: E741
H = {Result.HMIS_RAW, Result.HMIS_COMMON}
F = {Result.HFA}

# A column with an empty set enters no result. A test compares the names with the schema.
PROJECT_INPUTS: dict[str, dict[str, set[Result]]] = {
    "presentation_objects": {
        "id": {D},
        "label": {D},
        "metric_id": {D, I, R},
        "config": {D, I, R},
        "last_updated": {D},
    },
    "metrics": {
        "id": {D, M},
        "module_id": {D},
        "label": {D, M},
        "results_object_id": {D, I, M, R},
        "value_props": {D, I, M},
        "value_func": {D, I, M},
    },
    "results_objects": {
        "id": {D, I, M, R},
        "module_id": {I, M, R},
        "label": {D},
        "dimensions": {D, I, M, R},
        "measures": {D, I},
    },
    "modules": {
        "id": {D, I, M, R},
        "label": {D},
        "last_run": {I, M, R},
        "run_started_at": {I, M, R},
    },
    "results_visits": {
        "indicator_id": {I, M, R},
        "admin_area_2": {I, M, R},
        "period_id": {I, M},
        "count": {I},
        "rate": {I},
    },
}
MAIN_INPUTS: dict[str, dict[str, set[Result]]] = {
    "facilities": {
        "id": H,
        "label": set(),
        "admin_area_1": set(),
        "admin_area_2": H,
        "admin_area_3": set(),
        "admin_area_4": set(),
        "facility_type": H,
        "ownership": H,
        "residence": H,
    },
    "raw_indicators": {"id": H, "label": {Result.HMIS_RAW}},
    "common_indicators": {"id": H, "label": {Result.HMIS_COMMON}},
    "indicator_mappings": {"common_id": H, "raw_id": H},
    "dataset_hmis": {"facility_id": H, "raw_indicator_id": H, "period_id": H, "count": H},
    "hfa_indicators": {"id": F, "label": F},
    "dataset_hfa": {
        "facility_id": F,
        "admin_area_2": F,
        "indicator_id": F,
        "time_point": F,
        "value": F,
    },
    "instance_config": {
        "only_row": set(),
        "facility_columns": H,
        "indicator_mappings_version": H,
        "sample_arguments": set(),
    },
    "dataset_hmis_versions": {"id": H, "created_at": set()},
    "dataset_hfa_versions": {"id": F, "created_at": set()},
}

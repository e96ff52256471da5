from pathlib import Path

from gslb.config.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_configuration_reference_is_what_the_schemas_say() -> None:
    """When this fails: python -m gslb.config.reference > docs/configuration.md"""
    assert PAGE.read_text() == reference()

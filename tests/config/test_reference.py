from pathlib import Path

from gslb.config.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_keys_of_a_table_that_may_be_left_out_are_listed_too() -> None:
    grpc = reference().partition('type = "grpc"')[2].partition("\n## ")[0]
    assert "| `tls` | none |" in grpc
    assert "| `tls.ca` | none |" in grpc


def test_a_choice_that_is_written_as_a_whole_has_no_keys_of_its_own() -> None:
    assert "| `when_all_down` |" in reference()
    assert "`when_all_down." not in reference()


def test_the_configuration_reference_is_what_the_schemas_say() -> None:
    """When this fails: python -m gslb.config.reference > docs/configuration.md"""
    assert PAGE.read_text() == reference()

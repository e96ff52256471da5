"""From TOML to the model: one schema module per section, checks across sections, errors that a person can act on."""

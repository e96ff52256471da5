"""Policy steps: each maps a branch to branches, pure, and says why.

``BUILTIN`` names the steps that come with gslb; the values are loaded only where a service uses them. Other
distributions add to them through the entry point group ``gslb.policies``.
"""

BUILTIN = {
    "failover": "policies.failover:Failover",
    "weighted": "policies.weighted:Weighted",
}

"""Policy steps: each maps a branch to branches, pure, and says why.

``BUILTIN`` names the steps that come with gslb; the values are loaded only where a service uses them. Other
distributions add to them through the entry point group ``gslb.policies``.
"""

BUILTIN = {
    "canary": "policies.canary:Canary",
    "capacity": "policies.capacity:Capacity",
    "failover": "policies.failover:Failover",
    "fence": "policies.fence:Fence",
    "geo": "policies.geo:Geo",
    "latency": "policies.latency:Latency",
    "nearest": "policies.nearest:Nearest",
    "sticky": "policies.sticky:Sticky",
    "take": "policies.take:Take",
    "weighted": "policies.weighted:Weighted",
}

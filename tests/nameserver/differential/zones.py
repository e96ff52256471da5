"""Zones written by hand, one per theme, as master files without their first lines, which ``master_file`` adds."""

from collections.abc import Mapping

HEAD = """\
$ORIGIN {origin}
$TTL 300
@ {soa_ttl} IN SOA ns1 hostmaster 7 3600 600 86400 {minimum}
@ 3600 IN NS ns1
@ 3600 IN NS ns2.elsewhere.invalid.
ns1 3600 IN A 192.0.2.53
ns1 3600 IN AAAA 2001:db8::53
"""

WILDCARDS = """\
*.wild A 192.0.2.5
*.wild MX 10 mail
*.wild TXT "from the wildcard"
there.wild TXT "no wildcard here"
beside.empty.wild A 192.0.2.6
*.alias CNAME www
*.chain CNAME x.alias
*.nothing CNAME nowhere
*.self CNAME x.self
*.away CNAME www.elsewhere.invalid.
*.mail MX 10 x.wild
*.mail MX 20 mail
a.*.middle A 192.0.2.7
*.middle TXT "above the middle"
below.b.*.empty A 192.0.2.8
*.*.twice A 192.0.2.9
*.srv SRV 1 2 3 mail
* TXT "below the apex"
www A 192.0.2.80
mail A 192.0.2.25
mail AAAA 2001:db8::25
"""

ALIASES = """\
www A 192.0.2.80
www AAAA 2001:db8::80
one CNAME two
two CNAME three
three 60 CNAME www
upper CNAME WWW
nodata CNAME text
text TXT "only text"
empty CNAME non.terminal
x.non.terminal A 192.0.2.1
nxdomain CNAME nowhere
nxdomain2 CNAME nxdomain
away CNAME www.elsewhere.invalid.
away2 CNAME away
into CNAME www.child
at CNAME child
glued CNAME ns.child
ds CNAME child
child NS ns.child
ns.child A 192.0.2.54
loop1 CNAME loop2
loop2 CNAME loop1
loop CNAME loop
toloop CNAME loop1
apex CNAME @
service MX 10 one
service MX 20 www
nsalias CNAME ns1
under.one A 192.0.2.2
"""

DNAMES = """\
old DNAME new
new TXT "at the target"
www.new A 192.0.2.80
alias.new CNAME www.new
deep.er.new A 192.0.2.81
*.wild.new A 192.0.2.82
into CNAME www.old
again CNAME x.into.old
into.new CNAME www.old
chain DNAME old
away DNAME elsewhere.invalid.
tight DNAME much.longer.than.tight.and.longer
long.est.much.longer.than.tight.and.longer A 192.0.2.83
beside DNAME new
beside A 192.0.2.84
beside MX 10 www.new
loop DNAME a.loop2
loop2 DNAME b.loop
grow DNAME x.y.grown
self DNAME www.self.elsewhere.invalid.
zero 0 DNAME new
dead DNAME nowhere
cut NS ns.cut
ns.cut A 192.0.2.85
tocut DNAME cut
apex DNAME @
root DNAME .
"""

CUTS = """\
plain NS ns.elsewhere.invalid.
inside NS ns1.inside
inside NS ns2.inside
ns1.inside A 192.0.2.61
ns1.inside AAAA 2001:db8::61
ns2.inside A 192.0.2.62
sibling NS ns1.inside
sibling NS ns.other
other NS ns.other
ns.other A 192.0.2.63
mixed NS ns1
mixed NS ns.mixed
mixed NS ns.elsewhere.invalid.
ns.mixed AAAA 2001:db8::64
missing NS ns.missing
atcut NS atcut
atcut A 192.0.2.65
signed NS ns.elsewhere.invalid.
signed DS 1 13 2 abababababababababababababababababababababababababababababababab
signed DS 2 13 2 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
signed TXT "occluded"
hidden.signed A 192.0.2.66
nested NS ns.elsewhere.invalid.
below.nested NS ns.below.nested
ns.below.nested A 192.0.2.67
under.empty NS ns1.inside
mail MX 10 ns1.inside
mail MX 20 ns1
nsx NS ns-alias
ns-alias CNAME ns1
many NS a.many
many NS b.many
many NS c.many
many NS d.many
many NS e.many
many NS f.many
a.many A 192.0.2.101
a.many AAAA 2001:db8::101
b.many A 192.0.2.102
b.many AAAA 2001:db8::102
c.many A 192.0.2.103
c.many AAAA 2001:db8::103
d.many A 192.0.2.104
d.many AAAA 2001:db8::104
e.many A 192.0.2.105
e.many AAAA 2001:db8::105
f.many A 192.0.2.106
f.many AAAA 2001:db8::106
""" + "".join(f"huge NS ns{i}.huge\nns{i}.huge A 192.0.2.{i}\nns{i}.huge AAAA 2001:db8::{i}\n" for i in range(110, 135))
CUTS += "roomy NS ns.roomy\nrelying NS ns.roomy\n" + "".join(f"ns.roomy A 192.0.2.{i}\n" for i in range(100, 140))

LARGE = (
    "".join(f"addresses A 192.0.2.{i}\n" for i in range(1, 41))
    + "".join(f"addresses6 AAAA 2001:db8::{i}\n" for i in range(1, 46))
    + "".join(f"enough A 192.0.2.{i}\n" for i in range(1, 26))
    + "text TXT "
    + " ".join(f'"{chr(97 + i) * 200}"' for i in range(9))
    + "\n"
    + "strings TXT "
    + " ".join(f'"{i}"' for i in range(100))
    + "\n"
    + "".join(f"mail MX {i} mx{i}\nmx{i} A 192.0.2.{i}\nmx{i} AAAA 2001:db8::{i}\n" for i in range(1, 13))
    + "".join(f"few MX {i} mx{i}\n" for i in range(1, 5))
    + "toaddresses CNAME addresses\n"
    + "".join(f"c{i} CNAME c{i + 1}\n" for i in range(20))
    + "c20 A 192.0.2.30\n"
)

TYPES = """\
a A 192.0.2.1
txt TXT "" "two" "three \\"quoted\\" \\\\ \\200"
mx MX 0 mail
mx MX 10 mail.elsewhere.invalid.
mx MX 20 nowhere
nullmx MX 0 .
_sip._tcp SRV 10 60 5060 sip
_sip._tcp SRV 20 60 5060 mail
_none._tcp SRV 0 0 0 .
sip A 192.0.2.60
mail A 192.0.2.25
mail AAAA 2001:db8::25
caa CAA 0 issue "ca.elsewhere.invalid"
caa CAA 128 iodef "mailto:security@elsewhere.invalid"
svcb SVCB 1 mail alpn="h2,h3" port=8443
svcb SVCB 2 . alpn="h2"
svcb A 192.0.2.61
https HTTPS 1 . alpn="h3" ipv4hint=192.0.2.62
https A 192.0.2.62
https AAAA 2001:db8::62
httpsalias HTTPS 0 https
unknown TYPE65280 \\# 4 0a000001
unknown TYPE65281 \\# 0
generic TYPE1 \\# 4 c0000207
naptr NAPTR 100 10 "S" "SIP+D2U" "" _sip._tcp
sshfp SSHFP 4 2 abababababababababababababababababababababababababababababababab
tlsa TLSA 3 1 1 abababababababababababababababababababababababababababababababab
hinfo HINFO "cpu" "os"
rp RP admin text
ptr PTR a
afsdb AFSDB 1 mail
loc LOC 41 0 0.000 N 29 0 0.000 E 10m
zero 0 A 192.0.2.2
zero 0 TXT "not to be kept"
longest 2147483647 A 192.0.2.3
mixed 100 A 192.0.2.4
mixed 200 A 192.0.2.5
"""

_LONG = ".".join(["x" * 63, "y" * 63, "z" * 63])
_ROOM = 255 - len("names.test.") - 1 - len(_LONG) - 1 - 1
NAMES = f"""\
UPPER A 192.0.2.1
MiXeD.CaSe A 192.0.2.2
toUpper CNAME UPPER
dot\\.ted A 192.0.2.3
sp\\032ace A 192.0.2.4
by\\000te\\255 A 192.0.2.5
at\\@sign A 192.0.2.6
se\\;mi A 192.0.2.7
qu\\"ote A 192.0.2.8
back\\\\slash A 192.0.2.9
esc\\097ped A 192.0.2.10
\\*.star A 192.0.2.11
\\*star A 192.0.2.12
star\\* A 192.0.2.13
_under.score A 192.0.2.14
-dash- A 192.0.2.15
1.2.3.4 A 192.0.2.16
xn--bcher-kva A 192.0.2.17
{_LONG}.{"w" * _ROOM} A 192.0.2.18
long MX 10 {_LONG}.{"w" * _ROOM}
{"l" * 63} A 192.0.2.19
\\[\\]\\^ A 192.0.2.20
\\{{\\}}\\~ A 192.0.2.21
"""

HAND: Mapping[str, str] = {
    "wild.test.": HEAD.format(origin="wild.test.", soa_ttl=3600, minimum=60) + WILDCARDS,
    "alias.test.": HEAD.format(origin="alias.test.", soa_ttl=60, minimum=3600) + ALIASES,
    "dname.test.": HEAD.format(origin="dname.test.", soa_ttl=600, minimum=600) + DNAMES,
    "cut.test.": HEAD.format(origin="cut.test.", soa_ttl=3600, minimum=0) + CUTS,
    "large.test.": HEAD.format(origin="large.test.", soa_ttl=3600, minimum=60) + LARGE,
    "types.test.": HEAD.format(origin="types.test.", soa_ttl=0, minimum=60) + TYPES,
    "names.test.": HEAD.format(origin="names.test.", soa_ttl=3600, minimum=60) + NAMES,
}
"""master files by origin"""

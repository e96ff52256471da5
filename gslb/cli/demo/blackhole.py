"""Drops all packets to an address, as a lost region would: nftables, where this user may."""

import asyncio
import shutil

from gslb.errors import GslbError
from gslb.model.address import Address


class BlackholeError(GslbError):
    """Packets cannot be dropped here."""


def _table(region: str) -> str:
    return f"gslb_demo_{region}"


async def add(region: str, address: Address) -> None:
    """Drop everything to ``address``.

    Raises:
        BlackholeError: no nft, or no privilege.
    """
    table = _table(region)
    await remove(region)
    await _nft(
        f"""
        add table inet {table}
        add chain inet {table} input {{ type filter hook input priority 0; policy accept; }}
        add rule inet {table} input ip daddr {address.host} tcp dport {address.port} drop
        """
    )


async def remove(region: str) -> None:
    """Let packets pass again; nothing to do is fine.

    Raises:
        BlackholeError: no nft, or no privilege.
    """
    table = _table(region)
    await _nft(f"add table inet {table}\ndelete table inet {table}\n")


async def _nft(script: str) -> None:
    program = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
    remedy = "blackhole needs the nft program (package nftables) and root; gslb demo kill needs neither"
    if program is None:
        raise BlackholeError(f"nft is not installed\n    {remedy}")
    nft = await asyncio.create_subprocess_exec(
        program, "-f", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await nft.communicate(script.encode())
    if nft.returncode:
        first = errors.decode(errors="replace").strip().partition("\n")[0]
        raise BlackholeError(f"nft refused: {first}\n    {remedy}")

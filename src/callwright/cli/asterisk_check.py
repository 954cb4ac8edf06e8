"""What `callwright doctor` finds of a trunk whose calls an Asterisk places."""

from callwright.cli.findings import Finding, Level
from callwright.config import TrunkSettings
from callwright.errors import CallwrightError
from callwright.telephony.configured_trunk import configured_asterisk


async def check_asterisk(name: str, trunk: TrunkSettings) -> Finding:
    """Whether it lets us in, and runs what calls need."""
    from callwright.telephony.asterisk.ari import Ari, explained  # late: few have one

    about = f"trunk {name}"
    ari = Ari(configured_asterisk(name, trunk, line=0))
    try:
        version = await ari.version()
        missing = await ari.missing_modules()
    except CallwrightError as exc:
        text = f"the Asterisk at {trunk.ari_url} cannot be used: {explained(exc)}"
        return Finding(about, Level.FAIL, text, "see docs/asterisk.md for what it needs")
    finally:
        await ari.close()
    if missing:
        text = f"Asterisk {version} lacks {', '.join(missing)}"
        return Finding(
            about, Level.FAIL, text, "load them in modules.conf, or install 22.6 or later"
        )
    return Finding(about, Level.OK, f"Asterisk {version} lets us in")

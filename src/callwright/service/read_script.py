"""A flow or survey that came over the API, as a checked script."""

from callwright.domain.account import Product
from callwright.errors import ScriptInvalid
from callwright.ivr.load import load_flow, load_survey
from callwright.ivr.script import Recorded, Script

SOURCE = "script"
_LOADERS = {Product.FUSE: load_flow, Product.INSIGHT: load_survey}


def read_script(text: str, product: Product) -> Script:
    """The script that `text` describes.

    Raises:
        ScriptInvalid: it is wrong, of the other kind, or plays recordings: those are files of
            the server, which only its operator may name.
    """
    script = _LOADERS[product](text, SOURCE)
    for prompt in script.prompts:
        if isinstance(prompt, Recorded):
            raise ScriptInvalid(
                f"plays the recording {prompt.path}, which is a file on the server; "
                "have it added there with the command line",
                source=SOURCE,
            )
    return script

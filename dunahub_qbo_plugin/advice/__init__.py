"""What went wrong, in the words of the people who run the office, and what they can do about it.

QuickBooks' own code and text are not shown here: the page folds them underneath for support
(rule 22).
"""

from dunahub_qbo_plugin.advice.advise import Advice, advise
from dunahub_qbo_plugin.advice.wording import Fix
from dunahub_qbo_plugin.qbo.consequences import Who

__all__ = ["Advice", "Fix", "Who", "advise"]

"""Where a player would play what is decoded. Pure: stamps and lengths in, silences out; all in seconds.

Containers that stamp their packets leave gaps where packets were lost or none were sent, and begin late where the
picture does first. Samples that are only counted would then come early, more so with every gap.
"""

from __future__ import annotations

# Stamps in milliseconds, and Vorbis's changing blocks, are off by up to 10 ms; a packet of speech holds 20.
TOLERANCE_S = 0.015
# The first stamp of a recording without a picture is off by what its decoder swallows.
LEAD_S = 0.05
# Stamps that fall back further than this begin anew: files were joined, or a clock was set. Less is an unsteady hand,
# and silence that it was given once is not given again.
_BACK_S = 0.5
# Without a length to compare with, the longest gap that is believed.
LONGEST_GAP_S = 3600.0


class Clock:
    """Follows one recording. `position_s` is where its next sample is played.

    `zero_s`: the stamp of time 0; None: that of the first frame. `until_s`: no gap reaches beyond this stamp.
    `longest_s`: the longest that is believed; what jumps further begins anew. `lead_s`: the first is not filled up to
    this length.
    """

    def __init__(
        self,
        zero_s: float | None = None,
        until_s: float | None = None,
        longest_s: float = LONGEST_GAP_S,
        lead_s: float = TOLERANCE_S,
    ) -> None:
        self.position_s = 0.0
        self.zero_s = zero_s
        self.turned = False  # the stamps began anew
        self._until_s = until_s
        self._longest_s = longest_s
        self._lead_s = lead_s
        self._begun = False

    def resume(self, position_s: float, zero_s: float) -> None:
        """Go on at a place that was reached before."""
        self.position_s, self.zero_s, self._begun = position_s, zero_s, True

    def gap_s(self, stamp_s: float | None) -> float:
        """Give the silence to be put before a frame with this stamp, and move on by it; `advance` comes next."""
        if stamp_s is None:
            return 0.0
        if self.zero_s is None:
            self.zero_s = stamp_s
        late_s = stamp_s - self.zero_s - self.position_s
        least_s = TOLERANCE_S if self._begun else self._lead_s
        self._begun = True
        if late_s < -_BACK_S or late_s > self._longest_s or (late_s > least_s and self._is_beyond(stamp_s)):
            self.zero_s, self.turned = stamp_s - self.position_s, True
        elif late_s > least_s:
            self.position_s += late_s
            return late_s
        elif not self.position_s and late_s > 0:
            self.zero_s = stamp_s
        return 0.0

    def advance(self, seconds: float) -> None:
        """Move on by what is decoded, or known to be lost."""
        self.position_s += seconds

    def _is_beyond(self, stamp_s: float) -> bool:
        return self._until_s is not None and stamp_s > self._until_s

"""Averages of checkpoints, tensor by tensor and without torch.

expanded, passed_over, order_warning    which checkpoints a command line names
short_names                             what to call them
read_recipe                             how much of each goes into which tensor
open_series                             checkpoints of one model, open together, and any average of them
open_sums                               a series summed up on disk, of which any range is then read as fast
write_average                           one average as a checkpoint's folder
average                                 all of that, into a folder that appears whole or not at all
"""

from anime_whisper_ct2_convert.averaging.averaging import Averaging, average
from anime_whisper_ct2_convert.averaging.naming import expanded, order_warning, passed_over, short_names
from anime_whisper_ct2_convert.averaging.reading import read_recipe
from anime_whisper_ct2_convert.averaging.recipe import Mix, Recipe
from anime_whisper_ct2_convert.averaging.series import Series, open_series
from anime_whisper_ct2_convert.averaging.sums import PrefixSums, open_sums
from anime_whisper_ct2_convert.averaging.writing import write_average

__all__ = [
    "Averaging",
    "Mix",
    "PrefixSums",
    "Recipe",
    "Series",
    "average",
    "expanded",
    "open_series",
    "open_sums",
    "order_warning",
    "passed_over",
    "read_recipe",
    "short_names",
    "write_average",
]

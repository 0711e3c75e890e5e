"""Options and commands of other recognisers, and what holds here in their place.

Whoever comes from whisper, whisper.cpp, faster-whisper, whisperX, insanely-fast-whisper or transformers types what is
right there. The names that look most alike here mean something else, so each has an answer of one line instead. An
answer names an option with its command, as `awct2 run --words`; behind a command that has it too, by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import click
from rapidfuzz.distance import OSA

from anime_whisper_ct2.cli.elsewhere_commands import OF_COMMANDS as _ANSWERS_OF
from anime_whisper_ct2.cli.elsewhere_commands import OUTPUTS
from anime_whisper_ct2.export.formats.registry import FORMATS

_NEAR = 1  # letters that are wrong, or swapped with their neighbour
_NAMED = re.compile(r"`awct2 \w+ (--[^`]+)`")
_SHORTEST = 4  # a shorter name with a wrong letter, or without its end, may be any other


def page(title: str) -> str:
    """Say where more stands; the tests hold that the handbook has a page of this title."""
    return f'see "{title}" in the handbook'


_NO_PROMPT, _QUALITY = page("Why there is no --initial-prompt"), page("Quality")
_LONG, _EXPORTS, _SUBTITLES = page("Long recordings"), page("Exports"), page("Subtitles")

# One table, and no rules over names: what is true of an option cannot be told from its letters. Names lack hyphens in
# front, those with the same answer stand together, and each answer is true behind any command: also where that has an
# option by the name that the answer gives.
_ANSWERS = {
    # What the model is told.
    "initial-prompt prompt carry-initial-prompt hotwords prefix": "With a prompt this model hallucinates; "
    f"{_NO_PROMPT}.",
    "condition-on-previous-text max-context prompt-reset-on-temperature": "Each window is decoded by itself, never "
    f"after an earlier text; {_NO_PROMPT}.",
    "task translate": "Speech is transcribed, and never translated; there is no other task to choose.",
    "lang l": "It is `awct2 run --language` here.",
    "detect-language language-detection multilingual language-detection-segments language-detection-threshold": "No "
    "language is detected: `awct2 run --language` says it, and is ja without it.",
    # How a text is found.
    "temperature temperature-increment-on-fallback temperature-inc best-of do-sample top-k top-p": "Nothing is "
    "sampled: decoding is greedy or has beams (`awct2 run --beam-size`), and what looks wrong is decoded again; "
    f"{_QUALITY}.",
    "no-fallback": f"It is `awct2 run --no-retry` here; {_QUALITY}.",
    "num-beams beams": "It is `awct2 run --beam-size` here.",
    "patience length-penalty": "Beams are searched with a patience and a length penalty of 1; only their number can be "
    "chosen, with `awct2 run --beam-size`.",
    "repetition-penalty": "`awct2 run --no-repeat-ngram-size` forbids repeats; try 5 to 10 where texts loop.",
    "max-new-tokens max-tokens max-length sample-len": "The limit follows from the length of the sound; "
    f"{page('Accuracy')}.",
    "suppress-tokens suppress-blank suppress-nst suppress-numerals suppress-regex": "The tokens that the model's "
    "generation config names are suppressed, and no others.",
    "compression-ratio-threshold logprob-threshold log-prob-threshold logprob-thold entropy-thold "
    "hallucination-silence-threshold": "The bounds are fixed: what is beyond them is decoded again, and flags say "
    f"what stays; {_QUALITY}.",
    "no-speech-threshold no-speech-thold": "A run leaves nothing out for it: each segment has its no_speech_prob, "
    f"and `awct2 export --max-no-speech` takes it for a bound; {page('Flags')}.",
    # Where a recording is cut.
    "vad-filter vad vad-method vad-model": "Recordings over 30 s are cut by Silero VAD as it is, and with "
    f"`awct2 run --segment vad` shorter ones too; {_LONG}.",
    "no-vad": f"`awct2 run --segment off` cuts every 30 s, without a VAD; {_LONG}.",
    "vad-parameters": "They are options: `awct2 run --vad-threshold --min-silence --speech-pad --max-segment`; "
    f"{_LONG}.",
    "threshold vad-onset vad-thold": "The VAD's is `awct2 run --vad-threshold` here.",
    "neg-threshold vad-offset": "It follows from `awct2 run --vad-threshold`: speech ends 0.15 below that, or at half "
    "of it where half is more.",
    "vad-min-silence-duration-ms min-silence-duration-ms": "It is `awct2 run --min-silence` here, in seconds.",
    "vad-speech-pad-ms speech-pad-ms": "It is `awct2 run --speech-pad` here, in seconds.",
    "vad-min-speech-duration-ms min-speech-duration-ms": f"No speech is dropped for being short; {_LONG}.",
    "vad-max-speech-duration-s max-speech-duration-s chunk-length chunk-length-s chunk-size": "`awct2 run "
    f"--max-segment` says how many seconds a piece of a long recording may have; {_LONG}.",
    "stride-length-s vad-samples-overlap": f"Windows do not overlap: long recordings are cut at pauses; {_LONG}.",
    "clip-timestamps offset-t duration": f"A manifest names stretches of recordings; {page('Inputs')}.",
    # Times, and who speaks.
    "word-timestamps align-model no-align dtw interpolate-method return-char-alignments output-words": "`awct2 run "
    f"--words` says when each word is spoken, from the model's own attention; {_QUALITY}.",
    "max-initial-timestamp timestamp timestamps return-timestamps no-timestamps without-timestamps": "Segments "
    "always have a start and an end; `awct2 run --words` adds those of words.",
    "prepend-punctuations append-punctuations": "In word times, punctuation belongs to the word beside it.",
    "diarize diarization tinydiarize diarize-model diarization-model num-speakers min-speakers max-speakers "
    "speaker-embeddings": "Speakers are not told apart; `awct2 export --speaker` names one for all, and without it "
    "meta.speaker or the first folder does.",
    # What is written.
    OUTPUTS: "It is `awct2 run --output` here, the folder for the results.",
    "output-format output-type": "`awct2 run --format` exports when all is done, and `awct2 export RUN FORMAT` later; "
    f"{_EXPORTS}.",
    "max-line-width max-line-count max-len segment-resolution max-chars max-lines": "`awct2 export --max-chars "
    f"--max-lines` say how long the lines of subtitles may be, and how many are shown; {_SUBTITLES}.",
    "max-cps cps min-cue max-cue": "`awct2 export --max-cps --min-cue --max-cue` say how long subtitles are shown; "
    f"{_SUBTITLES}.",
    "highlight-words max-words-per-line split-on-word": "Subtitles are broken at marks, pauses and phrases, never "
    f"inside a word; the times that `awct2 run --words` asks for make their times exact; {_SUBTITLES}.",
    "print-colors": "No text is coloured by how probable it is; `awct2 stats` lists the recordings with the least "
    "probable segments.",
    "print-progress log-progress": "It is `awct2 run --progress` here, and on without it.",
    "no-prints": "It is `awct2 run --quiet` here.",
    "resume continue skip-existing": "The same `awct2 run` goes on where the last one ended, without an option.",
    "force": "`awct2 run --overwrite` starts afresh.",
    # What is read.
    "file files file-name input input-file audio audio-file audio-path i": "Recordings are named without an option: "
    "`awct2 run INPUT... -o OUTPUT`.",
    "recursive r": "A folder as INPUT of `awct2 run` stands for all audio below it.",
    "timeout": "It is `awct2 run --time-limit` here.",
    # What computes.
    "threads num-threads t": "It is `awct2 run --cpu-threads` here.",
    "num-workers processors jobs j": "It is `awct2 run --workers` here.",
    "batched": "Batches are always filled across files; `awct2 run --batch-size` says how large they may be.",
    "device-index device-id": "It is `awct2 run --gpus` here.",
    "gpu cuda use-gpu": "It is `awct2 run --device cuda` here.",
    "cpu no-gpu": "It is `awct2 run --device cpu` here.",
    "fp16 fp32 half bf16 float16 float32 bfloat16 int8 dtype torch-dtype precision": "The precision is `awct2 run "
    "--compute-type`, such as float16, and of the stored weights `awct2 convert --quantization`.",
    "flash flash-attn flash-attention no-flash-attn attn-implementation": "CTranslate2 chooses how attention is "
    "computed; there is nothing to set.",
    "model-name model-size model-path model-id model-size-or-path": "It is `awct2 run --model` here: a hub id, a "
    "checkpoint's folder or a converted one.",
    "model-dir model-directory download-root cache-dir": "AWCT2_CACHE in the environment says where converted models "
    f"are kept; {page('Configuration')}.",
    "local-files-only model-cache-only offline": "HF_HUB_OFFLINE=1 in the environment keeps off the network.",
    "hf-token token use-auth-token": "HF_TOKEN in the environment is the hub's token.",
}
_COMMANDS = {
    "transcribe asr stt recognise recognize infer predict decode whisper": "run",
    "plan": "run INPUT -o OUTPUT --dry-run",
    "join combine concat concatenate": "merge",
    "download fetch pull quantise quantize ct2-transformers-converter": "convert",
    "soup model-soup swa ema avg mean interpolate blend mergekit mergekit-yaml average-checkpoints average-model "
    "merge-models": "average",
    "evaluate score cer wer compare": "eval",
    "info summary statistics report": "stats",
    "check diagnose env": "doctor",
    "subtitle subtitles caption captions": "export RUN srt",
    "label annotate proofread listen edit gui webui": "review",
    "help": "-h",
    "version": "--version",
}


def _by_name(answers: dict[str, str]) -> dict[str, str]:
    return {name: said for names, said in answers.items() for name in names.split()}


ANSWERS = _by_name(_ANSWERS)
ANSWERS_OF = {command: _by_name(answers) for command, answers in _ANSWERS_OF.items()}
COMMANDS = _by_name(_COMMANDS)


def own_name(command: click.Command, given: str) -> str | None:
    """Give an option's name as a command has it, if it has it in any spelling; None if not."""
    # argparse, which most others use, takes either spelling, and their documentation has underscores. Of short names,
    # the capital is another.
    written = given.lower().replace("_", "-") if given.startswith("--") else given
    return written if written in _names(command) else None


def answer(command: click.Command, given: str) -> tuple[str, ...]:
    """Say in a sentence what holds here for an option that a command does not have; nothing where nothing is known."""
    if own := own_name(command, given):
        return (f"It is {own} here.",)
    written = given.lower().replace("_", "-")
    name = written.lstrip("-")
    said = ANSWERS_OF.get(command.name or "", {}).get(name) or ANSWERS.get(name) or _of_format(command, name)
    if said:
        return (_behind(command, said),)
    # Long names alone: a short one is near every other.
    other = near(written, [name for name in _names(command) if name.startswith("--")])
    return (f"Did you mean {other}?",) if other else ()


def command_for(name: str) -> str | None:
    """Give what stands here for another tool's command, or None."""
    name = name.lower()
    return f"export RUN {name}" if name in FORMATS else COMMANDS.get(name)


def near(name: str, known: Iterable[str]) -> str | None:
    """Give the one known name that was meant, by all that letters can tell.

    One letter is wrong, two are swapped, or the end is missing.
    """
    letters, known = len(name.lstrip("-")), tuple(known)
    slips = [other for other in known if OSA.distance(name, other) <= _NEAR]
    if letters < _SHORTEST:
        # Swapped, all letters are still there.
        slips = [other for other in slips if sorted(other) == sorted(name)]
    begun = [other for other in known if other.startswith(name)] if letters >= _SHORTEST else []
    # Two that are equally near are a riddle and no answer.
    close = slips or begun
    return close[0] if len(close) == 1 else None


def _names(command: click.Command) -> list[str]:
    return [
        name
        for param in command.params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    ]


def _behind(command: click.Command, said: str) -> str:
    """Name options by themselves that a command has: to who has typed `awct2 run`, that would be another command."""
    own = set(_names(command))

    def by_itself(named: re.Match[str]) -> str:
        """Take the command from an option that is here too."""
        return named[1] if set(re.findall(r"--[a-z-]+", named[1])) <= own else named[0]

    return _NAMED.sub(by_itself, said)


def _of_format(command: click.Command, name: str) -> str | None:
    """Answer `--srt` and `--output-srt`, which are the value of another option here."""
    format_ = name.removeprefix("output-")
    if format_ not in FORMATS:
        return None
    if command.name == "export":
        return f"The format is an argument: `awct2 export RUN {format_}`."
    return (
        f"`awct2 run --format {format_}` exports when all is done, and `awct2 export RUN {format_}` later; {_EXPORTS}."
    )

"""What Whisper calls each language, and what people call it.

Source: the language tokens of OpenAI's Whisper, and ISO 639. Standard library only (floor 0).
"""

from __future__ import annotations

import re

# Each with its ISO 639-2 codes where those are others, and its names; the first name is the usual one.
_LANGUAGES = """
af afr afrikaans | am amh amharic | ar ara arabic | as asm assamese | az aze azerbaijani | ba bak bashkir
be bel belarusian | bg bul bulgarian | bn ben bengali | bo bod tib tibetan | br bre breton | bs bos bosnian
ca cat catalan valencian | cs ces cze czech | cy cym wel welsh | da dan danish | de deu ger german deutsch
el ell gre greek | en eng english | es spa spanish castilian | et est estonian | eu eus baq basque
fa fas per persian farsi | fi fin finnish | fo fao faroese | fr fra fre french | gl glg galician | gu guj gujarati
ha hau hausa | haw hawaiian | he heb hebrew | hi hin hindi | hr hrv croatian | ht hat haitian_creole haitian
hu hun hungarian | hy hye arm armenian | id ind indonesian | is isl ice icelandic | it ita italian
ja jpn jp japanese 日本語 nihongo | jw jv jav javanese | ka kat geo georgian | kk kaz kazakh | km khm khmer
kn kan kannada | ko kor korean 한국어 | la lat latin | lb ltz luxembourgish letzeburgesch | ln lin lingala | lo lao
lt lit lithuanian | lv lav latvian | mg mlg malagasy | mi mri mao maori | mk mkd mac macedonian | ml mal malayalam
mn mon mongolian | mr mar marathi | ms msa may malay | mt mlt maltese | my mya bur myanmar burmese | ne nep nepali
nl nld dut dutch flemish | nn nno nynorsk | no nor nb nob norwegian | oc oci occitan | pa pan punjabi panjabi
pl pol polish | ps pus pashto pushto | pt por portuguese | ro ron rum romanian moldavian moldovan | ru rus russian
sa san sanskrit | sd snd sindhi | si sin sinhala sinhalese | sk slk slo slovak | sl slv slovenian | sn sna shona
so som somali | sq sqi alb albanian | sr srp serbian | su sun sundanese | sv swe swedish | sw swa swahili
ta tam tamil | te tel telugu | tg tgk tajik | th tha thai | tk tuk turkmen | tl tgl fil tagalog filipino
tr tur turkish | tt tat tatar | uk ukr ukrainian | ur urd urdu | uz uzb uzbek | vi vie vietnamese | yi yid yiddish
yo yor yoruba | yue cantonese | zh zho chi cmn chinese mandarin 中文
"""
# By everything that they are called, in small letters and with spaces for marks between words.
_CODES = {
    name.replace("_", " "): names[0]
    for names in map(str.split, re.split(r"[|\n]", _LANGUAGES))
    if names
    for name in names
}
LANGUAGES = frozenset(_CODES.values())


def code_of(given: str) -> str | None:
    """Give Whisper's code for a language that is named in another way, such as `Japanese`, `jpn` or `ja-JP`.

    None for what is a code already, and for what is no known name.
    """
    name = " ".join(re.split(r"[-_\s]+", given.strip().strip("<|>").lower()))
    code = _CODES.get(name) or _CODES.get(name.partition(" ")[0])
    return None if code == given else code

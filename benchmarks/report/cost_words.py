"""The words of the cost page, in English and in Japanese."""

from __future__ import annotations

from typing import Any

from benchmarks.measures.reckoning import GPUS

EN: dict[str, Any] = {
    "intro": (
        "{hours:,.0f} hours in clips of {clip:g} s are {count:.1f} million recordings. For each part of a run it is "
        "reckoned how many a second it could do by itself; the slowest decides. **Speed of the GPU: {speed}.** Prices "
        "are at {usd:g} USD for a GPU-hour, an example."
    ),
    "speed": {
        "calculated": "calculated from the work of the kernels and the speed of an H200, not measured yet",
        "measured": "measured",
    },
    "between": " ",
    "with": "The encoder is computed by {encoder}.",
    "encoder": {
        "torch": "torch (`--encoder torch`, which `auto` takes where it is installed and agrees)",
        "ctranslate2": "CTranslate2 itself (`--encoder ctranslate2`)",
    },
    "beside": "The same for plain tars on disk, where the encoder is computed by {encoder}:",
    "unmeasured": "Of the command itself nothing was measured yet, so it is left out.",
    "head": (
        "corpus",
        "windows",
        "GPUs",
        "gives out first",
        "recordings / s",
        "takes",
        "GPU-hours paid, worked",
        "USD",
        "read MB / s",
        "in several runs",
    ),
    "form": {"remote tars": "tars at URLs", "tars": "plain tars on disk", "files": "loose files"},
    "stage": {
        "listing": "listing",
        "opens": "opening files",
        "bandwidth": "storage bandwidth",
        "front end": "front end",
        "gpu": "GPU",
        "ledger": "ledger",
    },
    "more": "{runs} runs: {takes}, {usd} USD; then {first}",
    "limits": "Recordings a second that each part could do by itself, fitted windows, one run:",
    "limits_head": ("part", *(f"{gpus} GPUs" for gpus in GPUS)),
    "listing": "listing {form}",
    "rests": "What this rests on:",
    "rests_head": ("figure", "value", "where from"),
    "kind": {
        "measured": "measured ({result})",
        "calculated": "calculated",
        "published": "published",
        "assumed": "assumed",
    },
    "figures": {
        "full": "a GPU, windows of 30 s, encoder by {encoder}",
        "fit": "a GPU, fitted windows with a tail of 2.56 s, encoder by {encoder}",
        "cpu_ms": "time of a core for a clip, decoding and features",
        "engine_cores": "cores for an engine's own process",
        "needed": "cores that a GPU wants, full and fitted",
        "cores": "cores beside a GPU",
        "bytes_each": "a clip, OGG at 16 kHz (0.9 GB for 32,600 in a tar of Galgame_Speech_ASR_16kHz)",
        "storage_bytes_s": "storage, reading, all nodes together",
        "opens_s": "storage, opening files, all nodes together",
        "stat_ms": "storage, asking for a file's size; less where a listing brings it along",
        "listing_us": "command, listing a loose file's name, local disk",
        "tar_listing_us": "command, listing a tar's member, local disk",
        "shards_us": "command, putting a recording into a shard, local disk",
        "ledger": "command, all of it, from listing to `transcripts.jsonl`, on two cores with its engine beside it",
        "memory": "command, memory for {count:.1f} million recordings, along the line through two measured corpora",
        "start_s": "the start: connecting, loading the model, compiling kernels",
        "tail": "the end: waiting for an engine with three shards in hand, of 20 s each by design",
        "usd": "price",
    },
    "fast": "{0:,.0f} × real time",
    "usd": "{0:g} USD / GPU-hour",
    "per_s": "{0:,.0f} / s",
    "seconds": "{0:.0f} s",
    "last": (
        "Tars at URLs, and compressed ones, are listed by the engines, everything else by the command. Of several runs "
        "over tars, each is given tars of its own. Over loose files, each is a `--shard I/N`: it lists all names, and "
        "asks for the sizes of its own part. For assumptions of your own: `python -m benchmarks.cost --help`."
    ),
}
JA: dict[str, Any] = {
    "intro": (
        "1件{clip:g}秒のクリップ{hours:,.0f}時間分は、約{man:,.0f}万件です。"
        "処理の各段階が単独で毎秒何件こなせるかを求め、最も遅い段階が全体の速さを決めるものとして計算しました。"
        "**GPU の速さは{speed}**。料金は、例として1 GPU 時間あたり{usd:g}ドルとしています。"
    ),
    "speed": {
        "calculated": "、カーネルの処理量と H200 の性能から計算した値です（まだ実測していません）",
        "measured": "実測値です",
    },
    "between": "",
    "with": "エンコーダーは{encoder}で計算します。",
    "encoder": {
        "torch": " torch（`--encoder torch`。インストールされていて結果が一致すれば `auto` でも選ばれます）",
        "ctranslate2": " CTranslate2 自体（`--encoder ctranslate2`）",
    },
    "beside": "エンコーダーを{encoder}で計算する場合の、ディスク上の無圧縮の tar の値です。",
    "unmeasured": "コマンド自体の処理はまだ測定していないため、計算に入れていません。",
    "head": (
        "コーパス",
        "ウィンドウ",
        "GPU 数",
        "ボトルネック",
        "件/秒",
        "所要時間",
        "GPU 時間（課金、実働）",
        "料金（ドル）",
        "読み込み MB/秒",
        "複数の実行に分けた場合",
    ),
    "form": {"remote tars": "URL の tar", "tars": "ディスク上の無圧縮の tar", "files": "個別のファイル"},
    "stage": {
        "listing": "一覧の作成",
        "opens": "ファイルを開く処理",
        "bandwidth": "ストレージの帯域",
        "front end": "前処理",
        "gpu": "GPU",
        "ledger": "結果の集約",
    },
    "more": "{runs}分割で{takes}、{usd}ドル（ボトルネック：{first}）",
    "limits": "各段階が単独でこなせる件数（毎秒）。ウィンドウは fit、実行は1つの場合です。",
    "limits_head": ("段階", *(f"GPU {gpus}基" for gpus in GPUS)),
    "listing": "一覧の作成（{form}）",
    "rests": "計算の根拠は次のとおりです。",
    "rests_head": ("項目", "値", "根拠"),
    "kind": {
        "measured": "実測（{result}）",
        "calculated": "計算",
        "published": "公表値",
        "assumed": "仮定",
    },
    "figures": {
        "full": "GPU 1基、30秒のウィンドウ（full）、エンコーダーは{encoder}",
        "fit": "GPU 1基、2.56秒の無音を付けた短いウィンドウ（fit）、エンコーダーは{encoder}",
        "cpu_ms": "クリップ1件のデコードと特徴量の計算にかかる時間（1コア）",
        "engine_cores": "エンジンのプロセス自体が使うコア数",
        "needed": "GPU 1基を待たせないために必要なコア数（full、fit）",
        "cores": "GPU 1基あたりのコア数",
        "bytes_each": "クリップ1件の大きさ。16 kHz の OGG（Galgame_Speech_ASR_16kHz の tar は32,600件で 0.9 GB）",
        "storage_bytes_s": "ストレージの読み込み速度（全ノードの合計）",
        "opens_s": "ストレージのファイルを開く速さ（全ノードの合計）",
        "stat_ms": "ストレージ上のファイル1件の大きさを調べる時間（一覧と一緒に得られるなら、もっと短い）",
        "listing_us": "コマンドが個別のファイル1件を一覧する時間（ローカルディスク）",
        "tar_listing_us": "コマンドが tar の中の1件を一覧する時間（ローカルディスク）",
        "shards_us": "コマンドが1件をシャードに入れる時間（ローカルディスク）",
        "ledger": "一覧から `transcripts.jsonl` への書き込みまで、コマンドの処理全体（2コアをエンジンと共用）",
        "memory": "約{man:,.0f}万件でのコマンドのメモリ使用量（2つの規模の実測値を通る直線による）",
        "start_s": "開始時：接続、モデルの読み込み、カーネルのコンパイル",
        "tail": "終了時：最後のエンジンが手元の3シャードを終えるまで（設計上、1つ20秒ほど）",
        "usd": "料金",
    },
    "fast": "実時間の{0:,.0f}倍",
    "usd": "{0:g}ドル/GPU 時間",
    "per_s": "{0:,.0f}件/秒",
    "seconds": "{0:.0f}秒",
    "last": (
        "URL の tar と圧縮された tar はエンジンの側で一覧を作り、それ以外はコマンドが作ります。"
        "複数の実行に分けるとき、tar なら実行ごとに別の tar を渡します。"
        "個別のファイルなら `--shard I/N` を使います。この場合、名前の一覧はどの実行も全件分を作り、"
        "大きさは自分の分だけを調べます。"
        "仮定を変えて計算する方法は `python -m benchmarks.cost --help` で確認できます。"
    ),
}

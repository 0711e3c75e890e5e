/** What the page says of what is typed or decided and not kept yet. English and Japanese have the same keys. */

export const en = {
  "untaken.several": "{problem} ({n} decisions were not taken)",
  "untaken.row": "not taken",
  "draft.row": "not kept",
  "draft.count": "{n} text not kept",
  "draft.counts": "{n} texts not kept",
  "draft.outdated": "The segment has changed since this was typed.",
  "draft.first": "There is typed text that is not kept yet: keep it or put it back first.",
  "draft.first_next": "The next segment has typed text that is not kept yet: keep it or put it back first.",
} as const;

export const ja: Record<keyof typeof en, string> = {
  "untaken.several": "{problem}（保存されなかった判定 {n}件）",
  "untaken.row": "判定は未保存",
  "draft.row": "未確定",
  "draft.count": "未確定の本文 {n}件",
  "draft.counts": "未確定の本文 {n}件",
  "draft.outdated": "入力したあとに、このセグメントが変更されました。",
  "draft.first": "確定していない本文があります。先に確定するか、入力前に戻してください。",
  "draft.first_next": "次のセグメントに、確定していない本文があります。先に確定するか、入力前に戻してください。",
};

// Words of a start that failed, of reading only, and of backups, in both languages.
export const openingEn = {
  title: 'Your chats are not open',
  lead: 'Everything else works. Choose how to go on; none of these deletes anything.',
  retry: 'Try again',
  readOnly: 'Open read-only',
  readOnlyNote: 'Read and save your chats. Nothing can be sent or changed.',
  empty: 'Start with empty chats',
  emptyNote: 'The existing file is kept as a backup.',
  show: 'Show the file',
  showNote: 'To copy it elsewhere or to change its permissions.',
  retryNote: 'Once the problem above is solved.',
  from: 'Or go back to a backup',
  file: 'File',
  noSending: 'Read-only: nothing can be sent',
};

export const openingZh: typeof openingEn = {
  title: '对话没有打开',
  lead: '其他功能照常。请选择如何继续，以下操作都不会删除任何内容。',
  retry: '重试',
  readOnly: '以只读方式打开',
  readOnlyNote: '可以查看和导出对话，不能发送或修改。',
  empty: '从空白对话开始',
  emptyNote: '现有文件会保留为一份备份。',
  show: '显示文件',
  showNote: '以便复制到别处或修改权限。',
  retryNote: '解决上面的问题后再试。',
  from: '或者恢复一份备份',
  file: '文件',
  noSending: '只读：无法发送',
};

export const backupsEn = {
  title: 'Backups',
  lead: 'Your chats are backed up once a day; the last seven are kept. Images are shared with your chats and take no extra space.',
  none: 'No backups yet. The first is made when Whaledeck has been open for a minute.',
  create: 'Back up now',
  show: 'Open folder',
  restore: 'Restore',
  restoreOf: (when: string) => `Restore the backup of ${when}`,
  question: (when: string) =>
    `Replace your chats with the backup of ${when}? Your current chats are kept as a backup.`,
  kinds: { daily: 'Daily', update: 'Before an update', replaced: 'Replaced', asked: 'Made by you' },
  size: (size: string, images: number) =>
    images === 0 ? size : `${size}, ${images} ${images === 1 ? 'image' : 'images'}`,
  older: (count: number) => `Show ${count} more`,
};

export const backupsZh: typeof backupsEn = {
  title: '备份',
  lead: '对话每天备份一次，保留最近七份。图片与对话共用，不额外占用空间。',
  none: '还没有备份。Whaledeck 打开一分钟后会创建第一份。',
  create: '立即备份',
  show: '打开文件夹',
  restore: '恢复',
  restoreOf: (when) => `恢复 ${when} 的备份`,
  question: (when) => `用 ${when} 的备份替换现有对话？现有对话会保留为一份备份。`,
  kinds: { daily: '每日', update: '更新前', replaced: '被替换', asked: '手动' },
  size: (size, images) => (images === 0 ? size : `${size}，${images} 张图片`),
  older: (count) => `再显示 ${count} 份`,
};

/**
 * Guesses a media type from the end of a name. What a browser would run is
 * told as plain text: the file comes from a stranger.
 */
export function mediaTypeOf(path: string): string {
  const [end = ''] = /(?<=[^/])\.[^./]*$/.exec(path) ?? [];
  return types[end.toLowerCase()] ?? 'application/octet-stream';
}

const types: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.gz': 'application/gzip',
  '.htm': 'text/plain',
  '.html': 'text/plain',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/plain',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.log': 'text/plain',
  '.md': 'text/markdown',
  '.mjs': 'text/plain',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.py': 'text/plain',
  '.sh': 'text/plain',
  '.svg': 'text/plain',
  '.tar': 'application/x-tar',
  '.tsv': 'text/tab-separated-values',
  '.txt': 'text/plain',
  '.webp': 'image/webp',
  '.xml': 'text/plain',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.zip': 'application/zip',
};

/** The size of the pieces in which the content of an artifact is kept. */
export const partBytes = 1_024 * 1_024;

/** What a job leaves is kept for as long as what happened in it. */
export const keptDays = 30;

const pathBytesMax = 1_024;

/**
 * Whether a path may name an artifact: relative, with `/`, going nowhere but
 * down. Runners see to it as well; what is downloaded is checked twice.
 */
export function isSafePath(path: string): boolean {
  return (
    path !== '' &&
    Buffer.byteLength(path) <= pathBytesMax &&
    path.isWellFormed() &&
    !/[\p{Cc}\\]/u.test(path) &&
    path.split('/').every((name) => name !== '' && name !== '.' && name !== '..')
  );
}

const mediaTypePattern = /^[a-z0-9][a-z0-9.+-]{0,63}\/[a-z0-9][a-z0-9.+-]{0,63}$/;

/** A media type that may stand in a header, or that of bytes of which nothing is known. */
export function safeMediaType(mediaType: string): string {
  const known = mediaType.toLowerCase();
  return mediaTypePattern.test(known) ? known : 'application/octet-stream';
}

/** Brings the dist/ of a folder up to date. Gives how many files were written. */
export function build(root?: string): Promise<number>;

/** Longer than any object that a cluster keeps: etcd takes 1.5 MiB. */
const lineBytesMax = 8 * 1_048_576;

/** Gives the lines of a stream as text. What comes behind the last line feed is a line as well. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let feed = chunk.indexOf(10); feed >= 0; feed = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, feed)]);
      [parts, bytes, start] = [[], 0, feed + 1];
      if (line.length > 0) yield line.toString('utf8');
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > lineBytesMax) throw new Error(`a line is longer than ${lineBytesMax} bytes`);
  }
  if (bytes > 0) yield Buffer.concat(parts).toString('utf8');
}

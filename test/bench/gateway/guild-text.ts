/**
 * What users, products and reviews say, in two worlds of as many bytes each:
 * `plain` is ASCII, `world` has umlauts, symbols, and Chinese and Japanese.
 */
export type GuildText = 'plain' | 'world';

interface Words {
  readonly users: readonly string[];
  readonly product: string;
  readonly sentences: readonly string[];
}

const plain: Words = {
  users: ['Uri', 'Dotan', 'Kamil', 'Arda', 'Denis', 'Laurin'],
  product: 'Product number',
  sentences: ['It came on time, it does what it says, and it was worth its price. '],
};

const world: Words = {
  users: ['Jürgen', 'Zoë', 'Michał', '王芳', 'さくら', 'Łucja'],
  product: 'Grüner Tee 绿茶 №',
  sentences: [
    'Pünktlich geliefert, hält, was es verspricht – für 100 € sehr schön. ',
    'Livré à l’heure, fidèle à sa description ✓ et très bon marché → ★★★★★. ',
    '准时送达，与描述完全一致，物有所值，包装也很好，下次还会再来购买。',
    '時間どおりに届き、説明のとおりで、値段に見合う価値がありました。',
  ],
};

const words: Readonly<Record<GuildText, Words>> = { plain, world };
const sentencesPerReview = 3;

export function userName(text: GuildText, index: number): string {
  const { users } = words[text];
  return users[index % users.length] ?? '';
}

export function productName(text: GuildText, index: number): string {
  return `${words[text].product} ${index + 1}`;
}

/** The body of a review: sentences until it has the bytes that a plain one has. */
export function reviewBody(text: GuildText, index: number): string {
  const { sentences } = words[text];
  const bytes = Buffer.byteLength((plain.sentences[0] ?? '').repeat(sentencesPerReview));
  const long = (sentences[index % sentences.length] ?? '').repeat(sentencesPerReview * 2);
  let body = '';
  for (const character of long) {
    if (Buffer.byteLength(body + character) > bytes) break;
    body += character;
  }
  return body.padEnd(body.length + bytes - Buffer.byteLength(body), '.');
}

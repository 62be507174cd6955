/** One entry of an `accept` header. */
interface Wanted {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/**
 * Picks the offer that an `accept` header prefers: by quality, then by its own
 * order, then by ours. No header accepts everything. Undefined when nothing fits.
 *
 * An offer's parameters (`;subscriptionSpec=1.0`) must be named by the header;
 * a wildcard does not ask for them.
 */
export function prefers<Offer extends string>(
  accept: string | undefined,
  offers: readonly Offer[],
): Offer | undefined {
  if (accept === undefined || accept.trim() === '') return offers[0];
  const known = preferred.get(offers) ?? new Map<string, Offer | undefined>();
  preferred.set(offers, known);
  if (known.has(accept)) return known.get(accept) as Offer | undefined;
  const found = preferredOf(accept, offers);
  // Clients send few kinds of it, unless they mean no good.
  if (known.size < acceptsKept && accept.length <= acceptLengthKept) known.set(accept, found);
  return found;
}

const preferred = new WeakMap<readonly string[], Map<string, string | undefined>>();
const acceptsKept = 100;
const acceptLengthKept = 500;

function preferredOf<Offer extends string>(
  accept: string,
  offers: readonly Offer[],
): Offer | undefined {
  const wanted = parseAccept(accept);
  let best: { readonly offer: Offer; readonly quality: number; readonly place: number } | undefined;
  for (const offer of offers) {
    const [offered] = parseAccept(offer);
    if (!offered) continue;
    const place = mostSpecific(wanted, offered);
    const quality = wanted[place]?.quality ?? 0;
    if (quality <= 0) continue;
    if (!best || quality > best.quality || (quality === best.quality && place < best.place)) {
      best = { offer, quality, place };
    }
  }
  return best?.offer;
}

function parseAccept(header: string): Wanted[] {
  return header.split(',').map((entry) => {
    const [type = '', ...rest] = entry.split(';').map((part) => part.trim());
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const [name = '', value = ''] = parameter.split('=');
      parameters.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'));
    }
    const quality = Number(parameters.get('q') ?? '1');
    return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
  });
}

/** The place of the entry that speaks most exactly about an offer, or -1. */
function mostSpecific(wanted: readonly Wanted[], offered: Wanted): number {
  let place = -1;
  let specificity = -1;
  wanted.forEach(({ type, parameters }, index) => {
    const rank = specificityOf(type, offered.type);
    if (rank <= specificity) return;
    for (const [name, value] of offered.parameters) {
      if (parameters.get(name) !== value) return;
    }
    place = index;
    specificity = rank;
  });
  return place;
}

function specificityOf(pattern: string, type: string): number {
  if (pattern === type) return 2;
  if (pattern === '*/*') return 0;
  return pattern === `${type.split('/', 1)[0] ?? ''}/*` ? 1 : -1;
}

/** The media types of one JSON answer, the older first. */
export const jsonTypes = ['application/json', 'application/graphql-response+json'] as const;

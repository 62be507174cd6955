import type { Identity } from './auth.ts';

/** Everything that can be allowed. A permission names a subgraph and what is done there. */
export const permissions = [
  'sandbox:read',
  'sandbox:write',
  'sandbox:close',
  'billing:read',
  'billing:write',
  'billing:approve',
  'billing:operate',
  'compliance:read',
  'verticals:read',
  'verticals:write',
  'verticals:approve',
] as const;
export type Permission = (typeof permissions)[number];

/** What each role may do. A token names a role by the scope `role:<name>`. */
export const roles = {
  admin: permissions,
  operator: [
    'sandbox:read',
    'sandbox:write',
    'billing:read',
    'billing:write',
    'billing:approve',
    'verticals:read',
    'verticals:write',
    'verticals:approve',
  ],
  viewer: ['sandbox:read', 'billing:read', 'verticals:read'],
  auditor: ['sandbox:read', 'billing:read', 'compliance:read', 'verticals:read'],
} as const satisfies Record<string, readonly Permission[]>;

/**
 * Whether a caller may do something: by a scope with the permission's own name,
 * or by a role that has it. Any other scope grants nothing, and nobody may do
 * what is not on the list.
 */
export function can(identity: Pick<Identity, 'scopes'>, permission: string): boolean {
  return grantsOf(identity.scopes).has(permission);
}

/**
 * The scopes of a caller, and what its roles grant: what `@requiresScopes` of a
 * graph is held against, so that a role is worth there what it is here.
 */
export function scopesOf({ scopes }: Pick<Identity, 'scopes'>): Iterable<string> {
  return new Set([...scopes, ...grantsOf(scopes)]);
}

const known: ReadonlySet<string> = new Set(permissions);
const grants = new WeakMap<readonly string[], ReadonlySet<string>>();

function grantsOf(scopes: readonly string[]): ReadonlySet<string> {
  const kept = grants.get(scopes);
  if (kept) return kept;
  const granted = new Set(scopes.flatMap(permissionsOf));
  grants.set(scopes, granted);
  return granted;
}

function permissionsOf(scope: string): readonly string[] {
  if (known.has(scope)) return [scope];
  const role = scope.startsWith('role:') ? scope.slice('role:'.length) : '';
  return Object.hasOwn(roles, role) ? roles[role as keyof typeof roles] : [];
}

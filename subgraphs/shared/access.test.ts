import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { can, permissions, roles } from './access.ts';

describe('can', () => {
  it('grants a permission by a scope with its own name, and no other one', () => {
    expect(permissions.filter((one) => can({ scopes: ['billing:read'] }, one))).toEqual([
      'billing:read',
    ]);
  });

  it.each(Object.entries(roles))('grants exactly the permissions of the role %s', (role, has) => {
    const scopes = [`role:${role}`];
    expect(new Set(permissions.filter((one) => can({ scopes }, one)))).toEqual(new Set(has));
  });

  it('lets a viewer and an auditor change nothing', () => {
    for (const role of ['role:viewer', 'role:auditor']) {
      const granted = permissions.filter((one) => can({ scopes: [role] }, one));
      expect(granted.filter((one) => !one.endsWith(':read'))).toEqual([]);
    }
  });

  it('shows evidence to admins and auditors only', () => {
    const allowed = Object.keys(roles).filter((role) =>
      can({ scopes: [`role:${role}`] }, 'compliance:read'),
    );
    expect(allowed).toEqual(['admin', 'auditor']);
  });

  it('grants what several scopes grant together', () => {
    const scopes = ['openid', 'role:viewer', 'verticals:approve'];
    expect(can({ scopes }, 'verticals:approve')).toBe(true);
    expect(can({ scopes }, 'sandbox:read')).toBe(true);
    expect(can({ scopes }, 'sandbox:write')).toBe(false);
  });

  it.each([
    'admin',
    'role:',
    'role:Admin',
    'role:admin:',
    'role:role:admin',
    'role:__proto__',
    'role:constructor',
    'role:toString',
    'sandbox:*',
    'sandbox',
    '*',
    'SANDBOX:READ',
    '',
  ])('grants nothing for the scope "%s"', (scope) => {
    expect(permissions.filter((one) => can({ scopes: [scope] }, one))).toEqual([]);
  });

  it('lets nobody do what is not on the list, whoever names it', () => {
    const scopes = ['role:admin', 'billing:refund'];
    expect(can({ scopes }, 'billing:refund')).toBe(false);
    expect(can({ scopes }, '')).toBe(false);
  });

  it('grants nothing for scopes that are neither permissions nor roles', () => {
    const known = new Set<string>([...permissions, ...Object.keys(roles).map((r) => `role:${r}`)]);
    const unknown = fc.string().filter((text) => !known.has(text));
    fc.assert(
      fc.property(fc.array(unknown), fc.constantFrom(...permissions), (scopes, permission) => {
        return !can({ scopes }, permission);
      }),
    );
  });
});

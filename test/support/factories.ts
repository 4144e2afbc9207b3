import type supertest from 'supertest';

type Http = ReturnType<typeof supertest>;

export interface Resource {
  id: string;
  version: number;
  [member: string]: unknown;
}

let counter = 0;

/** A number that no other thing of this process has, for names that must differ. */
export const next = (): number => ++counter;

async function create(http: Http, path: string, body: object, token?: string): Promise<Resource> {
  const request = http.post(path).send(body);
  if (token) request.set('Authorization', `Bearer ${token}`);
  const response = await request;
  if (response.status !== 201) throw new Error(`POST ${path}: ${response.status} ${response.text}`);
  return response.body as Resource;
}

/** Makes valid things over HTTP; a call shows what is special about its own. */
export function factories(http: Http, token?: string) {
  const principal = (fields: object = {}): Promise<Resource> =>
    create(http, '/v1/principals', { type: 'user', displayName: `User ${next()}`, ...fields }, token);
  const group = (fields: object = {}): Promise<Resource> => principal({ type: 'group', displayName: `Group ${next()}`, ...fields });
  const asset = (fields: object = {}): Promise<Resource> =>
    create(http, '/v1/assets', { type: 'table', name: `table_${next()}`, sensitivity: 'internal', ...fields }, token);
  const grant = async (fields: { principalId?: string; assetId?: string; [member: string]: unknown } = {}): Promise<Resource> => {
    const principalId = fields.principalId ?? (await principal()).id;
    const assetId = fields.assetId ?? (await asset()).id;
    return create(http, '/v1/grants', { permission: 'SELECT', privilege: 'read', ...fields, principalId, assetId }, token);
  };
  const member = async (groupId: string, principalId: string): Promise<void> => {
    const request = http.put(`/v1/principals/${groupId}/members/${principalId}`);
    if (token) request.set('Authorization', `Bearer ${token}`);
    const response = await request;
    if (response.status !== 204) throw new Error(`PUT member: ${response.status} ${response.text}`);
  };
  return { principal, group, asset, grant, member };
}

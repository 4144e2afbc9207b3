import { readFileSync } from 'node:fs';
import { type Person, ReviewGround } from './review-ground.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const PACKET = '/v1/reviews/{id}';
const ADMINS_ALONE = ['confirmReview', 'cancelReview', 'undoReview'];

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  example?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

interface Described {
  operationId: string;
  requestBody?: { content: Record<string, { schema: Schema }> };
}

interface Operation {
  method: (typeof METHODS)[number];
  path: string;
  id: string;
  schema: Schema | null;
}

const DOCUMENT = JSON.parse(readFileSync('openapi.json', 'utf8')) as {
  paths: Record<string, Partial<Record<string, Described>>>;
  components: { schemas: Record<string, Schema> };
};

/** Every route of a packet and every method of it that the document has: a new one is asked for here without anybody thinking of it. */
function operationsOfPackets(): Operation[] {
  const paths = Object.entries(DOCUMENT.paths).filter(([path]) => path === PACKET || path.startsWith(`${PACKET}/`));
  return paths.flatMap(([path, methods]) =>
    METHODS.flatMap((method) => {
      const described = methods[method];
      const schema = described?.requestBody?.content['application/json']?.schema ?? null;
      return described ? [{ method, path, id: described.operationId, schema }] : [];
    }),
  );
}

/** A body that is valid, from the document's own examples, about what `named` says of members. */
function exampleOf(schema: Schema, named: Readonly<Record<string, unknown>>): unknown {
  const { $ref, allOf, items, properties, required = [], example } = schema;
  if ($ref) return exampleOf(DOCUMENT.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {}, named);
  if (example !== undefined) return example;
  if (properties) {
    const wanted = [...required, ...(properties['justification'] ? ['justification'] : [])];
    return Object.fromEntries(wanted.map((name) => [name, name in named ? named[name] : exampleOf(properties[name] ?? {}, named)]));
  }
  if (items) return [exampleOf(items, named)];
  return allOf?.[0] ? exampleOf(allOf[0], named) : null;
}

describe('the packet of somebody else', () => {
  let ground: ReviewGround;
  let mine: Person;
  let other: Person;
  beforeAll(async () => {
    ground = await ReviewGround.start();
    [mine, other] = [await ground.person(), await ground.person()];
  }, 60_000);
  afterAll(() => ground.close());

  async function packet(): Promise<{ id: string; itemId: string }> {
    const dueAt = new Date(Date.now() + 86_400_000).toISOString();
    const { body } = await ground.post('', {
      name: 'Leavers',
      reviewerId: other.id,
      grantIds: [(await ground.make.grant()).id],
      dueAt,
    });
    return { id: body.id, itemId: (await ground.items(body.id))[0]!.id };
  }

  async function call({ method, path, schema }: Operation, { id, itemId }: { id: string; itemId: string }, who: Person) {
    const request = ground.gateway.http[method](path.replace('{id}', id).replace('{itemId}', itemId)).set(
      'Authorization',
      `Bearer ${who.token}`,
    );
    const { status, body } = await (schema
      ? request.send(exampleOf(schema, { itemId, itemIds: [itemId], reviewerId: mine.id }) as object)
      : request);
    return { status, code: (body as { error?: { code: string } }).error?.code };
  }

  const OPERATIONS = operationsOfPackets();

  it('has all the routes that there are of a packet', () => {
    expect(OPERATIONS.length).toBeGreaterThanOrEqual(10);
    expect(OPERATIONS.map(({ id }) => id)).toEqual(expect.arrayContaining(['getReview', 'decide', 'signOff', ...ADMINS_ALONE]));
  });

  it.each(OPERATIONS)('is not there for $id, is as it was after it, and is there for whose it is', async (operation) => {
    const theirs = await packet();
    const before = await ground.get(`/${theirs.id}`);
    expect(await call(operation, theirs, mine)).toEqual({ status: 404, code: 'not_found' });
    expect(await ground.get(`/${theirs.id}`)).toEqual(before);
    const { status, code } = await call(operation, theirs, other);
    if (ADMINS_ALONE.includes(operation.id)) expect([status, code]).toEqual([403, 'forbidden']);
    else if (operation.id === 'signOff') expect([status, code]).toEqual([409, 'items_pending']);
    else expect([status, code]).toEqual([200, undefined]);
  });

  it('is in no list', async () => {
    const theirs = await packet();
    for (const query of ['', '?status=open', '?reviewer=me', `?reviewer=${other.id}`]) {
      const { body } = await ground.get(query, mine);
      expect([query, JSON.stringify(body['items']).includes(theirs.id)]).toEqual([query, false]);
    }
    expect(JSON.stringify((await ground.get('?reviewer=me', other)).body['items'])).toContain(theirs.id);
  });
});

import { randomUUID } from 'node:crypto';
import createClient, { type Client } from 'openapi-fetch';
import { AccessToken } from './access-token.js';
import { inParallel } from './bounded-concurrency.js';
import type { ConnectorConfig } from './connector.config.js';
import type { CurrentGrant, CurrentState } from './current-state.js';
import type { AssetChanges, PrincipalChanges } from './difference.js';
import { GatewayError, RefusedError } from './gateway.errors.js';
import type { components, paths } from './generated/gateway.schema.js';
import { resilientFetch, RETRY_POLICY } from './resilient-fetch.js';
import type { WantedAsset, WantedGrant, WantedPrincipal } from './wanted-state.js';

type Schemas = components['schemas'];

/** What openapi-fetch answers with, of any operation. */
interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** A revocation that a review has decided, and that has not come to its end. */
export type OpenRemediation = Schemas['RemediationDto'];

interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** The gateway takes no more grants in one call. */
export const GRANT_BATCH = 1_000;

/** A million grants take longer than any other answer. */
const EXPORT_PATH = '/v1/grants/export';
const EXPORT_POLICY = { ...RETRY_POLICY, timeoutMs: 300_000 };

const PAGE_LIMIT = 100;
const LISTING_CONCURRENCY = 8;
/** The API takes 1,000 in a body of a megabyte, and names may be long. */
const USAGE_BATCH = 500;

/**
 * The gateway as this connector uses it, typed by its OpenAPI document: one source, every page of a list, an Idempotency-Key on every POST,
 * and calls that are repeated until they have an answer that counts.
 *
 * Every method throws GatewayError when the gateway is away or does not take this caller, RefusedError when it refuses the one call.
 */
export class GatewayClient {
  private readonly source: string;
  private readonly token: AccessToken;
  private readonly client: Client<paths>;

  constructor(
    config: Pick<ConnectorConfig, 'gatewayUrl' | 'credentials' | 'source'>,
    private readonly signal: AbortSignal,
  ) {
    this.source = config.source;
    this.token = new AccessToken(config.credentials, (request) => resilientFetch(request, signal));
    // A redirect would turn a POST into a GET, and is no answer that this API gives.
    this.client = createClient<paths>({ baseUrl: config.gatewayUrl, redirect: 'manual', fetch: (request) => this.send(request) });
  }

  /** Everything that the gateway holds of the source, with one call a page and one for each group that is active or wanted. */
  async currentState(wantedGroups: ReadonlySet<string>): Promise<CurrentState> {
    const { source } = this;
    const [principals, assets, grants] = await Promise.all([
      everyPage((cursor) => this.client.GET('/v1/principals', { params: { query: { source, cursor, limit: PAGE_LIMIT } } })),
      everyPage((cursor) => this.client.GET('/v1/assets', { params: { query: { source, cursor, limit: PAGE_LIMIT } } })),
      this.grants(),
    ]);
    const members = new Map<string, string[]>();
    const groups = principals.filter(
      ({ type, status, externalId }) => type === 'group' && (status !== 'deactivated' || wantedGroups.has(externalId ?? '')),
    );
    await inParallel(groups, LISTING_CONCURRENCY, this.signal, async ({ id }) => {
      members.set(id, await this.members(id));
    });
    this.signal.throwIfAborted();
    return { principals, assets, grants, members };
  }

  /** The grants in force, in one answer: a million of them are ten thousand pages. */
  private async grants(): Promise<CurrentGrant[]> {
    const query = { source: this.source };
    const answer = await this.client.GET('/v1/grants/export', { params: { query }, parseAs: 'text' });
    assertDone(answer);
    return linesOf<CurrentGrant>(answer.data ?? '');
  }

  /** Answers the id, also where a run that was cut off has created it in the meantime. */
  async createPrincipal({ attributes, ...principal }: WantedPrincipal): Promise<string> {
    const body = { ...principal, source: this.source, attributes: { ...attributes } };
    const answer = await this.client.POST('/v1/principals', { params: { header: idempotent() }, body });
    return isDuplicate(answer) ? this.principalId(principal.externalId) : dataOf(answer).id;
  }

  /** Sends the changes on top of whatever version is there by then: no other caller has a say in these members. */
  async updatePrincipal(id: string, version: number, { attributes, ...changes }: PrincipalChanges): Promise<void> {
    const path = { id };
    const body = { ...changes, ...(attributes && { attributes: { ...attributes } }) };
    const patch = (current: number) => this.client.PATCH('/v1/principals/{id}', { params: { path, header: ifMatch(current) }, body });
    const answer = await patch(version);
    if (!isStale(answer)) return assertDone(answer);
    assertDone(await patch(dataOf(await this.client.GET('/v1/principals/{id}', { params: { path } })).version));
  }

  async deactivatePrincipal(id: string): Promise<void> {
    assertDone(await this.client.DELETE('/v1/principals/{id}', { params: { path: { id } } }));
  }

  /** Answers the id, also where a run that was cut off has created it in the meantime. */
  async createAsset({ tags, ...asset }: Omit<WantedAsset, 'parent'> & { parentId: string | null }): Promise<string> {
    const body = { ...asset, source: this.source, tags: [...tags] };
    const answer = await this.client.POST('/v1/assets', { params: { header: idempotent() }, body });
    return isDuplicate(answer) ? this.assetId(asset.externalId) : dataOf(answer).id;
  }

  /** As {@link updatePrincipal}. */
  async updateAsset(
    id: string,
    version: number,
    body: Omit<AssetChanges, 'parent'> & { parentId?: string | null; usageTrackedSince?: string | null },
  ): Promise<void> {
    const path = { id };
    const patch = (current: number) => this.client.PATCH('/v1/assets/{id}', { params: { path, header: ifMatch(current) }, body });
    const answer = await patch(version);
    if (!isStale(answer)) return assertDone(answer);
    assertDone(await patch(dataOf(await this.client.GET('/v1/assets/{id}', { params: { path } })).version));
  }

  async retireAsset(id: string): Promise<void> {
    assertDone(await this.client.DELETE('/v1/assets/{id}', { params: { path: { id } } }));
  }

  async addMember(groupId: string, principalId: string): Promise<void> {
    assertDone(await this.client.PUT('/v1/principals/{groupId}/members/{principalId}', { params: { path: { groupId, principalId } } }));
  }

  async removeMember(groupId: string, principalId: string): Promise<void> {
    assertDone(await this.client.DELETE('/v1/principals/{groupId}/members/{principalId}', { params: { path: { groupId, principalId } } }));
  }

  /** Up to GRANT_BATCH grants in one call; one that is there already is as good as made. Answers what the gateway refused, a line each. */
  async createGrants(
    grants: readonly (Omit<WantedGrant, 'principal' | 'asset'> & { principalId: string; assetId: string })[],
  ): Promise<string[]> {
    // Without an Idempotency-Key: a repeat is told that they are there already, and the gateway need not keep a thousand outcomes for it.
    const answer = await this.client.POST('/v1/grants/batch', { body: { grants: [...grants] } });
    return dataOf(answer).outcomes.flatMap(({ outcome, code, message }) =>
      outcome === 'created' || code === 'duplicate' ? [] : [`${code ?? ''} ${message ?? ''}`],
    );
  }

  async revokeGrant(id: string, reason: string): Promise<void> {
    const params = { path: { id }, header: idempotent() };
    assertDone(await this.client.POST('/v1/grants/{id}/revoke', { params, body: { reason } }));
  }

  /** The source's tables and whatever is one to it, retired ones too. */
  async tables(): Promise<Schemas['AssetDto'][]> {
    const { source } = this;
    return everyPage((cursor) =>
      this.client.GET('/v1/assets', { params: { query: { source, type: 'table', cursor, limit: PAGE_LIMIT } } }),
    );
  }

  /** Tells of uses, which count once however often they are told. Answers how many the gateway rejected: they name what it does not know. */
  async reportUsage(events: readonly Schemas['UsageEventDto'][]): Promise<number> {
    let rejected = 0;
    for (let start = 0; start < events.length; start += USAGE_BATCH) {
      const body = { events: events.slice(start, start + USAGE_BATCH) };
      rejected += dataOf(await this.client.POST('/v1/grants/usage', { body })).rejected;
    }
    return rejected;
  }

  /** What is queued for this source, and what failed so far: its reason may have gone. */
  async openRemediations(): Promise<OpenRemediation[]> {
    const { source } = this;
    const lists = await Promise.all(
      (['queued', 'failed'] as const).map((status) =>
        everyPage((cursor) =>
          this.client.GET('/v1/reviews/remediations', { params: { query: { source, status, cursor, limit: PAGE_LIMIT } } }),
        ),
      ),
    );
    return lists.flat();
  }

  /** Answers false while somebody else has it. */
  async leaseRemediation(id: string, seconds: number): Promise<boolean> {
    const params = { path: { id }, header: idempotent() };
    const answer = await this.client.POST('/v1/reviews/remediations/{id}/lease', { params, body: { seconds } });
    if (answer.response.status === 409 && describe(answer.error).code === 'leased') return false;
    assertDone(answer);
    return true;
  }

  async reportRemediation(id: string, status: 'applied' | 'failed' | 'not_needed', reason: string | null): Promise<void> {
    assertDone(await this.client.PATCH('/v1/reviews/remediations/{id}', { params: { path: { id } }, body: { status, reason } }));
  }

  private async members(groupId: string): Promise<string[]> {
    const path = { groupId };
    const members = await everyPage<Schemas['MemberDto']>((cursor) =>
      this.client.GET('/v1/principals/{groupId}/members', { params: { path, query: { cursor, limit: PAGE_LIMIT } } }),
    );
    return members.map(({ principalId }) => principalId);
  }

  private async principalId(externalId: string): Promise<string> {
    const query = { source: this.source, externalId };
    return onlyId(dataOf(await this.client.GET('/v1/principals', { params: { query } })));
  }

  private async assetId(externalId: string): Promise<string> {
    const query = { source: this.source, externalId };
    return onlyId(dataOf(await this.client.GET('/v1/assets', { params: { query } })));
  }

  /** A token may be refused before its time, when the issuer has changed its keys: another one is tried, once. */
  private async send(request: Request): Promise<Response> {
    for (let renewed = false; ; renewed = true) {
      const token = await this.token.current();
      if (token !== null) request.headers.set('authorization', `Bearer ${token}`);
      const response = await resilientFetch(request, this.signal, request.url.includes(EXPORT_PATH) ? EXPORT_POLICY : RETRY_POLICY);
      if (response.status === 401 && !renewed && this.token.discard(token)) continue;
      if (response.ok && response.status !== 204 && !/^application\/(json|octet-stream)/.test(response.headers.get('content-type') ?? '')) {
        throw new GatewayError('What answers at the address of the gateway is not its API.');
      }
      return response;
    }
  }
}

function linesOf<T>(text: string): T[] {
  const lines: T[] = [];
  for (let from = 0, to = text.indexOf('\n'); to !== -1; from = to + 1, to = text.indexOf('\n', from)) {
    lines.push(JSON.parse(text.slice(from, to)) as T);
  }
  return lines;
}

const idempotent = () => ({ 'Idempotency-Key': randomUUID() });

const ifMatch = (version: number) => ({ 'If-Match': `"${version}"` });

async function everyPage<T>(read: (cursor: string | undefined) => Promise<Answer<Page<T>>>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined; ;) {
    const page = dataOf(await read(cursor));
    items.push(...page.items);
    if (page.nextCursor === null) return items;
    cursor = page.nextCursor;
  }
}

function onlyId({ items }: Page<{ id: string }>): string {
  const [item] = items;
  if (!item) throw new GatewayError('The gateway says that something is there already, and does not show it to this caller.');
  return item.id;
}

function dataOf<T>(answer: Answer<T>): T {
  assertDone(answer);
  if (answer.data === undefined) throw new GatewayError(`The gateway answered ${answer.response.status} without a body.`);
  return answer.data;
}

function assertDone({ response, error }: Answer<unknown>): void {
  if (response.ok) return;
  const { code, message } = describe(error);
  if (response.status === 401 || response.status === 403) throw new GatewayError(`The gateway does not take this caller: ${message}`);
  throw new RefusedError(response.status, code, `${response.status} ${code} ${message}`);
}

const isDuplicate = ({ response, error }: Answer<unknown>): boolean => response.status === 409 && describe(error).code === 'duplicate';

const isStale = ({ response, error }: Answer<unknown>): boolean => response.status === 409 && describe(error).code === 'version_conflict';

/** The envelope of an error; what a proxy in between may have answered has none. */
function describe(error: unknown): { code: string; message: string } {
  const inner = isRecord(error) && isRecord(error['error']) ? error['error'] : {};
  const { code, message, details } = inner;
  const first: unknown = Array.isArray(details) ? details[0] : undefined;
  const detail = isRecord(first) ? ` (${String(first['path'])} ${String(first['message'])})` : '';
  return {
    code: typeof code === 'string' ? code : '',
    message: `${typeof message === 'string' ? message : 'No reason given.'}${detail}`,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { STATUS_CODES } from 'node:http';
import { ErrorEnvelopeDto, ProblemDto } from './error.dto.js';

const TAGS: Record<string, string> = {
  principals: 'Users, service accounts and groups, who is in which group, and what each reaches.',
  assets: 'What access is given to, and who reaches it.',
  grants: 'Who may do what with which asset.',
  scores: 'How far each grant has decayed because nobody uses it, and why.',
  reviews: 'Campaigns and packets of access to be looked at, what was decided, and what became of it.',
  audit: 'The immutable log of every change, and what it takes to check it.',
  reports: 'Evidence as a file: asked for, built in the background, downloaded.',
  health: 'Whether the parts are up.',
  metrics: 'Figures for Prometheus.',
};

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of the routes that the application serves. */
export function createDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Access governance API')
    .setDescription('Who may touch what, which of that access nobody uses any more, who decided to keep or revoke it, and the proof of it.')
    .setVersion('1.0.0')
    .setContact('Platform team', 'https://example.org/access-governance', 'platform@example.org')
    .setLicense('Proprietary', '')
    .addServer('/', 'The server that this document came from: local, staging or production')
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'A Microsoft Entra ID access token of this API (RFC8725, RFC 6750), version 1 or 2.',
      },
      'bearer',
    );
  for (const [name, description] of Object.entries(TAGS)) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    extraModels: [ErrorEnvelopeDto, ProblemDto],
    deepScanRoutes: true,
  });
  return finish(document);
}

/** What the generator has no words for: closed objects, the licence by its SPDX name, described bodies, and nulls as OpenAPI 3.1 has them. */
function finish(document: OpenAPIObject): OpenAPIObject {
  const json = structuredClone(document) as unknown as Json & {
    info: Json;
    components: { schemas: Record<string, Json> };
    servers: Json[];
  };
  json.info['license'] = { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' };
  for (const server of json.servers) server['x-internal'] = true;
  for (const schema of Object.values(json.components.schemas)) {
    if (schema['type'] === 'object' && schema['additionalProperties'] === undefined) schema['additionalProperties'] = false;
  }
  visit(json, (node) => {
    const body = node['requestBody'] as Json | undefined;
    if (body) body['description'] ??= 'What to record or to change.';
  });
  shareFailures(json);
  return json as unknown as OpenAPIObject;
}

/** Moves the answers of failures into components: each stands in the document once, however many operations give it. */
function shareFailures(json: Json & { components: Json }): void {
  const names = new Map<string, string>();
  const shared: Json = {};
  visit(json['paths'], (node) => {
    const responses = node['responses'] as Json | undefined;
    for (const status of Object.keys(responses ?? {}).filter((key) => Number(key) >= 400)) {
      const text = JSON.stringify(responses?.[status]);
      let name = names.get(text);
      if (!name) {
        const title = (STATUS_CODES[Number(status)] ?? status).replace(/[^A-Za-z]/g, '');
        const alike = Object.keys(shared).filter((other) => other.replace(/[0-9]+$/, '') === title).length;
        name = alike === 0 ? title : `${title}${alike + 1}`;
        names.set(text, name);
        shared[name] = JSON.parse(text);
      }
      (responses as Json)[status] = { $ref: `#/components/responses/${name}` };
    }
  });
  json.components['responses'] = shared;
}

function visit(node: unknown, see: (node: Json) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) see(node as Json);
  for (const member of Object.values(node)) visit(member, see);
}

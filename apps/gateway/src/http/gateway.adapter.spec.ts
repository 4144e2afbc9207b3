import type { Express, Request, Response } from 'express';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GatewayAdapter } from './gateway.adapter.js';

describe('the server of the gateway', () => {
  const prototypes = (request: object, response: object): unknown[] => [Object.getPrototypeOf(request), Object.getPrototypeOf(response)];

  it('makes requests and answers that Express need not change, and that are of Express', async () => {
    const adapter = new GatewayAdapter();
    adapter.initHttpServer();
    const app = adapter.getInstance<Express>();
    const server = adapter.getHttpServer() as Server;
    let made: unknown[] = [];
    let handled: unknown[] = [];
    server.prependListener('request', (request, response) => (made = prototypes(request, response)));
    app.get('/things', (request: Request, response: Response) => {
      handled = prototypes(request, response);
      response.json({ path: request.path, of: request.app === app && response.app === app });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/things?a=1`);
      expect(await answer.json()).toEqual({ path: '/things', of: true });
      expect(handled[0]).toBe(made[0]);
      expect(handled[1]).toBe(made[1]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import {
  Catch,
  Controller,
  Get,
  Post,
  Req,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import type { Request, Response } from 'express';
import { AUTH_KEY_TIMES, AuthModule } from '#libs/auth/auth.module.js';
import { challenge } from '#libs/auth/challenge.js';
import { Public, READERS, Roles, WRITERS } from '#libs/auth/roles.js';
import { KEY_TIMES, type KeyTimes } from '#libs/auth/signing-keys.js';
import { loadConfig } from '#libs/config/config.js';
import { AppError } from '#libs/errors/errors.js';

@Controller()
export class GuardedController {
  @Get('open')
  @Public()
  open(): object {
    return {};
  }

  @Get('me')
  @Roles()
  me(@Req() request: Request): object {
    return request.user ?? {};
  }

  @Get('read')
  @Roles(...READERS)
  read(): object {
    return {};
  }

  @Post('write')
  @Roles(...WRITERS)
  write(): object {
    return {};
  }
}

@Catch(AppError)
class AppErrorFilter implements ExceptionFilter {
  catch(error: AppError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    if (error.status === 401) response.setHeader('WWW-Authenticate', challenge(http.getRequest<Request>()));
    response.status(error.status).json({ error: { code: error.code, message: error.message } });
  }
}

export interface Presented {
  /** One header for each value. */
  authorization?: readonly string[];
  method?: 'GET' | 'POST';
  path?: string;
  body?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: { id?: string; type?: string; roles?: string[]; error?: { code: string; message: string } };
}

/** The smallest application that has the whole of `libs/auth`, and a client that can send it what no ordinary client would. */
export class GuardedApp {
  private readonly agent = new Agent({ keepAlive: true });

  private constructor(
    private readonly app: INestApplication<Server>,
    private readonly port: number,
  ) {}

  /** @param environment variables of authentication, as a gateway would have them */
  static async start(
    environment: Record<string, string>,
    {
      times = {},
      controller = GuardedController,
      logger = false,
    }: { times?: Partial<KeyTimes>; controller?: Type; logger?: LoggerService | false } = {},
  ): Promise<GuardedApp> {
    const defaults = {
      API_DATABASE_URL: 'postgresql://unused/unused',
      API_CLICKHOUSE_URL: 'http://unused',
      API_KAFKA_BOOTSTRAP: 'in-process',
    };
    const { config } = loadConfig({ ...defaults, ...environment });
    const testing = await Test.createTestingModule({
      imports: [ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }), AuthModule],
      controllers: [controller],
    })
      .overrideProvider(AUTH_KEY_TIMES)
      // A busy machine may take long over the first load; the specs about the budget set one of their own.
      .useValue({ ...KEY_TIMES, budgetMs: 60_000, ...times })
      .compile();
    const app = testing.createNestApplication<INestApplication<Server>>({ logger }).useGlobalFilters(new AppErrorFilter());
    await app.listen(0, '127.0.0.1');
    return new GuardedApp(app, (app.getHttpServer().address() as AddressInfo).port);
  }

  async close(): Promise<void> {
    this.agent.destroy();
    await this.app.close();
  }

  async send({ authorization = [], method = 'GET', path = '/me', body }: Presented): Promise<Answer> {
    // As a list, which Node sends as it is: an object could not have one header twice.
    const headers = ['Host', '127.0.0.1', ...authorization.flatMap((value) => ['Authorization', value])];
    if (body !== undefined) headers.push('Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)));
    const request = httpRequest({ host: '127.0.0.1', port: this.port, path, method, headers, agent: this.agent });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: (await json(response)) as Answer['body'] };
  }

  get(path: string, token: string): Promise<Answer> {
    return this.send({ path, authorization: [`Bearer ${token}`] });
  }
}

import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Operation } from '../http/operation.js';
import { MetricsService } from './metrics.service.js';

@ApiTags('metrics')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  @Get()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @Operation({
    id: 'getMetrics',
    summary: 'Metrics for Prometheus',
    description:
      'Requests by route template and status, latencies, the connection pool, the event loop, and the build. 404 where they have a port of their own.',
    roles: 'public',
    answer: {
      content: { 'text/plain': { schema: { type: 'string', maxLength: 10_000_000, pattern: '^[^\\u0000]*$' } } },
      description: 'Prometheus text format.',
    },
    errors: ['not_found'],
  })
  scrape(): Promise<string> {
    return this.metrics.scrape();
  }
}

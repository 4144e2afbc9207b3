import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { HealthCheckResult } from '@nestjs/terminus';
import { Operation } from '../http/operation.js';
import { HealthDto } from './health.dto.js';
import { HealthService } from './health.service.js';

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthService) {}

  @Get()
  @Operation({
    id: 'getHealth',
    summary: 'Readiness',
    description:
      '200 when PostgreSQL and ClickHouse both answer, else 503 with the same body; each part with its latency. Kafka is told, but decides nothing.',
    roles: 'public',
    answer: { resource: HealthDto, description: 'All parts that decide are up.' },
  })
  readiness(): Promise<HealthCheckResult> {
    return this.health.readiness();
  }

  @Get('live')
  @Operation({
    id: 'getLiveness',
    summary: 'Liveness',
    description: 'That the process runs; touches no other part.',
    roles: 'public',
    answer: { resource: HealthDto, description: 'The process runs.' },
  })
  live(): HealthCheckResult {
    return this.health.live();
  }

  @Get('serving')
  @Operation({
    id: 'getServing',
    summary: 'Whether to send requests here',
    description:
      'For load balancers: PostgreSQL, its schema, and not being told to stop. ClickHouse away takes audit queries down, not the gateway.',
    roles: 'public',
    answer: { resource: HealthDto, description: 'Send requests here.' },
  })
  serving(): Promise<HealthCheckResult> {
    return this.health.serving();
  }
}

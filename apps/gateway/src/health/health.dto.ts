import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';

const PART: ApiPropertyOptions['additionalProperties'] = {
  type: 'object',
  properties: {
    status: { type: 'string', enum: ['up', 'down'] },
    latencyMs: { type: 'number', minimum: 0, description: 'How long the part took to answer, in milliseconds.' },
    message: { type: 'string', maxLength: 4096, pattern: '^[^\\u0000]*$', description: 'What is wrong.' },
  },
  required: ['status'],
  additionalProperties: false,
};

const EXAMPLE = { postgresql: { status: 'up', latencyMs: 1.2 } };

const parts = (description: string): PropertyDecorator =>
  ApiProperty({ description, type: 'object', additionalProperties: PART, maxProperties: 16, example: EXAMPLE });

/** Terminus' own shape. */
export class HealthDto {
  @ApiProperty({
    description: 'Whether all parts that decide are up.',
    enum: ['ok', 'error', 'shutting_down'],
    enumName: 'HealthStatus',
    example: 'ok',
  })
  status: string;
  @parts('The parts that are up.') info: object;
  @parts('The parts that are down.') error: object;
  @parts('All parts.') details: object;
}

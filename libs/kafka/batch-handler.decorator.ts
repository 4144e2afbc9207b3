import { applyDecorators, Catch, UseFilters, type ExceptionFilter } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';

/** Nest's own filter for messages logs an error and replaces it by one that says nothing: the server could not tell poison from an outage. */
@Catch()
export class ErrorsAsTheyAre implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** What ties handlers to the server of their consumer group, where several groups live in one process. */
export function groupTransport(group: string): symbol {
  return Symbol.for(`governance.consumer-group.${group}`);
}

/**
 * Makes a controller's method the handler of a topic for a consumer group: `take(@Payload() messages: InboundMessage[], @Ctx() context:
 * BatchContext)`. The group moves past the messages once it has resolved. A rejection means that the same messages come again, after a while
 * and for ever, but for those that a PoisonMessageError names. Messages may come more than once.
 */
export function BatchHandler(topic: string, group: string): MethodDecorator {
  return applyDecorators(EventPattern(topic, groupTransport(group)) as MethodDecorator, UseFilters(ErrorsAsTheyAre));
}

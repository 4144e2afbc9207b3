/** Who acts: the `oid` (a person) or `sub`/`appid` (an application) of the token, and the principal that it is, where one is known. */
export interface Actor {
  id: string;
  type: 'user' | 'app' | 'system';
  principalId: string | null;
}

/** What a strategy leaves on the request (`request.user`): the actor without its principal, which is looked up where it is needed. */
export interface Identity {
  id: string;
  /** No token is of `system`: that is the product itself, where work goes on that no request asked for. */
  type: Actor['type'];
  /** Every role of the token, known or not, as it stands there. */
  roles: readonly string[];
}

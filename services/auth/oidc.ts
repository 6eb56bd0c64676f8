/** Login through an OpenID provider. */
export type OidcLogin = {
  /** What the button says. */
  readonly name: string;
};

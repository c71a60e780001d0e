import { z } from "zod";
import { duration, names, reference, section, webAddress } from "./fields.ts";

/*
 * How people are reached and let in: who may decide, Slack, webhooks, signing in, tokens of the HTTP API.
 */

/** Of people: exactly what a click may name (src/slack/heard.ts), so that nobody is listed who can never decide. */
const personIds = () => names(/^[UW][A-Z0-9]{2,30}$/, "must be a Slack id such as U0123456789");
const groupIds = () => names(/^S[A-Z0-9]{2,30}$/, "must be a user group id such as S0123456789");
const channelId = () => z.string().regex(/^[CG][A-Z0-9_]+$/, "must be a channel id such as C0123456789, not its name");

export const approversSchema = section({
  slack: section({
    users: personIds().prefault([]).describe("Ids of people."),
    groups: groupIds().prefault([]).describe("Ids of user groups; membership is read again at each decision."),
  })
    .optional()
    .describe("Who may decide in Slack."),
  oidc: section({
    subjects: z.array(z.string().min(1)).prefault([]).describe("`sub` claims."),
    groups: z.array(z.string().min(1)).prefault([]).describe("Values of the `groups` claim."),
  })
    .optional()
    .describe("Who may decide after signing in with OpenID Connect."),
  cli: names(/^(\*|[^@\s]+@[^@\s]+)$/, "must be user@host or *")
    .prefault([])
    .describe(
      "Who may decide on the command line: `user@host` or `*`. Empty: nobody when another way is configured, else everybody.",
    ),
  fourEyes: z
    .boolean()
    .prefault(false)
    .describe(
      "Whether approver and submitter must surely be different people; what cannot be compared (a terminal, a token, Slack without an address) counts as the same.",
    ),
});

export const slackSchema = section({
  botToken: reference().describe("Bot token of the Slack app."),
  signingSecret: z
    .union([reference(), z.array(reference()).min(1)])
    .optional()
    .describe(
      "Signing secret of the Slack app: proves that a click comes from Slack. A list while one is being replaced. Needed unless `appToken` is given.",
    ),
  appToken: reference()
    .optional()
    .describe("App-level token: clicks come over Socket Mode instead of HTTP, for clusters without ingress."),
  channel: channelId().describe("Id of the channel where approval is asked."),
  teamId: z
    .string()
    .regex(/^T[A-Z0-9]+$/, "must be a workspace id such as T0123456789")
    .optional()
    .describe("Workspace whose people may decide. Without it: the workspace of the bot token."),
  appId: z
    .string()
    .regex(/^A[A-Z0-9]+$/, "must be an app id such as A0123456789")
    .optional()
    .describe("Id of the Slack app; with it, clicks of any other app are refused."),
  cardsAtOnce: z
    .int()
    .min(1)
    .max(50)
    .prefault(5)
    .describe(
      "So many undecided cards of one scan stand in a channel at a time; further rotations wait in a digest, at most for a quarter of their time.",
    ),
  escalation: section({
    after: duration().prefault("24h").describe("Undecided for so long: the card is also announced in `channel`."),
    channel: channelId().describe("Id of the second channel."),
    group: z
      .string()
      .regex(/^S[A-Z0-9]{2,30}$/, "must be a user group id such as S0123456789")
      .optional()
      .describe("Id of a user group to mention there."),
  })
    .optional()
    .describe("Whom to tell when nobody decides."),
  apiUrl: webAddress().optional().describe("Another address of Slack's Web API."),
});

export const signInSchema = section({
  oidc: section({
    issuer: webAddress().describe("Address of the OpenID Connect issuer."),
    clientId: z.string().min(1).describe("Client id registered there; redirect URI: `<http.publicUrl>/auth/callback`."),
    clientSecret: reference()
      .optional()
      .describe("Client secret; without it the client is public and uses PKCE alone."),
    scopes: z.array(z.string().min(1)).prefault(["openid", "email", "profile"]).describe("Scopes to ask for."),
  })
    .optional()
    .describe(
      "Sign in with OpenID Connect; `approvers.oidc` says who of them may decide. With Slack, its app needs the scope `users:read.email`.",
    ),
  token: reference()
    .optional()
    .describe("One token that signs in its holder, for an installation of one person. At least 32 characters."),
  sessionFor: duration().prefault("8h").describe("A session ends after so long."),
});

export const apiSchema = section({
  tokens: z
    .record(
      z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "must be 1 to 63 letters, digits, `.`, `_` or `-`"),
      section({
        token: reference().describe("The bearer token. At least 32 characters."),
        scopes: z
          .array(z.enum(["read", "decide", "emergency"]))
          .min(1)
          .describe(
            "`read`: list and show. `decide`: approve, reject, snooze, cancel, retry. `emergency`: hold, unhold, revoke, reinstate.",
          ),
      }),
    )
    .prefault({})
    .describe("Who may call the HTTP API, by a name of your choice that the audit log shows."),
});

export const webhooksSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "must be 1 to 63 letters, digits, `.`, `_` or `-`"),
    section({
      url: webAddress().describe("Where each change is posted as JSON."),
      secret: reference().describe(
        "Signs each request (Standard Webhooks): `whsec_` and base64, or any text of 24 characters or more.",
      ),
      only: z.enum(["all", "attention"]).prefault("all").describe("`attention`: only what needs a person."),
    }),
  )
  .prefault({});

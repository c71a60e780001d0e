{{/*
Secrets: never in the values (Helm keeps those in the cluster, and people in git), and what is referred to is there. No sentence
quotes a value, for it may be the secret.
*/}}
{{- define "keyturn.check.references" -}}
{{- $given := . -}}
{{- $texts := dict -}}
{{- template "keyturn.texts" (dict "value" .root.Values.config "at" "config" "into" $texts) -}}
{{- $isSecret := "^config\\.(anthropic\\.adminKey|redis\\.(sentinels\\.)?password|slack\\.(botToken|appToken|signingSecret(\\[\\d+\\])?)|webhooks\\..+\\.secret|signIn\\.(token|oidc\\.clientSecret)|api\\.tokens\\..+\\.token|tracing\\.headers\\..+)$" -}}
{{- $isPath := "^config\\.redis\\.tls\\.(ca|cert|key)$" -}}
{{- range $at, $text := $texts -}}
{{- if regexMatch "sk-ant-|xox[a-z]-|xapp-|whsec_|-----BEGIN|hvs\\.|AKIA[0-9A-Z]{16}" $text -}}
{{- template "keyturn.problem" (list $given (printf "%s holds a secret itself: Helm would keep it in the cluster, readable for whoever reads releases. Put it into a Secret, name that in existingSecrets, and write file:/etc/keyturn/secrets/NAME/KEY here. Replace the one that was written." $at)) -}}
{{- else if and (regexMatch $isSecret $at) (not (regexMatch "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$" $text)) -}}
{{- template "keyturn.problem" (list $given (printf "%s must be a reference: file:/etc/keyturn/secrets/NAME/KEY with the Secret NAME in existingSecrets, or env:NAME with extraEnv; never the secret itself." $at)) -}}
{{- else if and (eq $at "config.redis.url") (regexMatch "^rediss?://[^/]*:[^/]*@" $text) -}}
{{- template "keyturn.problem" (list $given "config.redis.url holds a password: put it into a Secret and write config.redis.password: file:/etc/keyturn/secrets/NAME/KEY, or the whole address as a reference.") -}}
{{- else if hasPrefix "env:" $text -}}
{{- template "keyturn.check.variable" (dict "root" $given.root "found" $given.found "at" $at "name" (trimPrefix "env:" $text)) -}}
{{- else if hasPrefix "file:" $text -}}
{{- template "keyturn.check.file" (dict "root" $given.root "found" $given.found "at" $at "path" (trimPrefix "file:" $text)) -}}
{{- else if regexMatch $isPath $at -}}
{{- template "keyturn.check.file" (dict "root" $given.root "found" $given.found "at" $at "path" $text) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Arguments: root, found, at (where the reference stands), name (of the variable). */}}
{{- define "keyturn.check.variable" -}}
{{- $names := list -}}
{{- range .root.Values.extraEnv -}}{{- $names = append $names .name -}}{{- end -}}
{{- if and (not (has .name $names)) (not .root.Values.extraEnvFrom) -}}
{{- template "keyturn.problem" (list . (printf "%s refers to env:%s, and neither extraEnv nor extraEnvFrom gives this variable: add it to extraEnv with valueFrom.secretKeyRef, or use existingSecrets and file:/etc/keyturn/secrets/NAME/KEY." .at .name)) -}}
{{- end -}}
{{- end -}}

{{/* Arguments: root, found, at (where the reference stands), path. */}}
{{- define "keyturn.check.file" -}}
{{- $folders := list -}}
{{- range .root.Values.existingSecrets -}}{{- $folders = append $folders (.as | default .name) -}}{{- end -}}
{{- $mount := include "keyturn.mountAt" (dict "root" .root "path" .path) | fromJson -}}
{{- if not (hasPrefix "/" .path) -}}
{{- template "keyturn.problem" (list . (printf "%s refers to a relative file, which would be looked for in the image: write the whole path, such as file:/etc/keyturn/secrets/NAME/KEY." .at)) -}}
{{- else if and (eq $mount.kind "none") (hasPrefix "/etc/keyturn/secrets/" .path) -}}
{{- template "keyturn.problem" (list . (printf "%s refers to %s, but no entry of existingSecrets is mounted as %s (mounted: %s): add the Secret to existingSecrets." .at .path (index (splitList "/" .path) 4) (join ", " $folders | default "none"))) -}}
{{- else if eq $mount.kind "none" -}}
{{- template "keyturn.problem" (list . (printf "%s refers to %s, where nothing is mounted: add the Secret to existingSecrets and write file:/etc/keyturn/secrets/NAME/KEY, or mount a volume there with extraVolumes and extraVolumeMounts." .at .path)) -}}
{{- else if and (eq $mount.kind "secret") $mount.keys (not (has (base .path) $mount.keys)) -}}
{{- template "keyturn.problem" (list . (printf "%s refers to the key %s of the Secret %s, but existingSecrets mounts only its keys %s: add it to `keys`." .at (base .path) $mount.name (join ", " $mount.keys))) -}}
{{- end -}}
{{- end -}}

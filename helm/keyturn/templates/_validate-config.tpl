{{/* What of `config` cannot work in a pod. Everything else is checked by Keyturn itself (`keyturn config check`). */}}
{{- define "keyturn.check.config" -}}
{{- $values := .root.Values -}}
{{- if and $values.existingConfigMap.name $values.config -}}
{{- template "keyturn.problem" (list . (printf "config and existingConfigMap.name (%s) are both given, and only one can be the configuration: remove one of them." $values.existingConfigMap.name)) -}}
{{- else if not $values.existingConfigMap.name -}}
{{- template "keyturn.check.ownConfig" . -}}
{{- end -}}
{{- end -}}

{{- define "keyturn.check.ownConfig" -}}
{{- $given := . -}}
{{- $values := .root.Values -}}
{{- $config := $values.config | default dict -}}
{{- if not (($config.anthropic).adminKey) -}}
{{- template "keyturn.problem" (list . "config.anthropic.adminKey is missing: make a Secret with the Admin key (kubectl create secret generic keyturn --from-file=anthropic-admin-key=FILE), name it in existingSecrets, and write file:/etc/keyturn/secrets/keyturn/anthropic-admin-key here.") -}}
{{- end -}}
{{- range $name := list "host" "port" "metricsPort" -}}
{{- if hasKey ($config.http | default dict) $name -}}
{{- template "keyturn.problem" (list $given (printf "config.http.%s is written by the chart: remove it; the ports of the pod are `ports.http` and `ports.metrics`." $name)) -}}
{{- end -}}
{{- end -}}
{{- template "keyturn.check.redis" . -}}
{{- with $config.slack -}}
{{- if and (not .signingSecret) (not .appToken) -}}
{{- template "keyturn.problem" (list $given "config.slack has neither signingSecret (clicks over HTTP) nor appToken (clicks over Socket Mode), so no click could be heard: add one of them.") -}}
{{- end -}}
{{- end -}}
{{- if and (($config.signIn).oidc) (not (($config.http).publicUrl)) (not (and $values.ingress.enabled $values.ingress.host)) -}}
{{- template "keyturn.problem" (list . "config.signIn.oidc needs the address that the issuer sends people back to: set config.http.publicUrl, or ingress.host.") -}}
{{- end -}}
{{- range $name := include "keyturn.fileStores" .root | fromJsonArray -}}
{{- $store := get $config.stores $name -}}
{{- template "keyturn.check.fileStore" (dict "root" $given.root "found" $given.found "name" $name "directory" (toString $store.directory)) -}}
{{- end -}}
{{- end -}}

{{- define "keyturn.check.redis" -}}
{{- $values := .root.Values -}}
{{- $redis := ($values.config | default dict).redis | default dict -}}
{{- $ways := list -}}
{{- range $way := list "url" "sentinels" "cluster" -}}
{{- if get $redis $way -}}{{- $ways = append $ways $way -}}{{- end -}}
{{- end -}}
{{- $hasSidecar := or $values.extraContainers $values.initContainers -}}
{{- if $redis.embedded -}}
{{- $who := ternary "each pod would start a Redis of its own" "the image has no Redis server" (gt (int $values.replicaCount) 1) -}}
{{- template "keyturn.problem" (list . (printf "config.redis.embedded is for one machine; in Kubernetes %s, and its data would be lost with the pod: use config.redis.url, sentinels or cluster of a Redis that keeps its data." $who)) -}}
{{- else if gt (len $ways) 1 -}}
{{- template "keyturn.problem" (list . (printf "config.redis has %s: keep one of them." (join " and " $ways))) -}}
{{- else if and (not $ways) (not $hasSidecar) -}}
{{- template "keyturn.problem" (list . "config.redis is missing, and this chart installs no Redis: set config.redis.url (or sentinels, or cluster), with noeviction and appendonly yes on that Redis.") -}}
{{- else if and (include "keyturn.isOwnPod" (toString $redis.url)) (not $hasSidecar) -}}
{{- template "keyturn.problem" (list . "config.redis.url leads to the pod itself (localhost), where no Redis runs: write the address of your Redis.") -}}
{{- end -}}
{{- end -}}

{{/* "true" for a Redis address inside the pod. */}}
{{- define "keyturn.isOwnPod" -}}
{{- if regexMatch "^rediss?://(localhost|127\\.[0-9.]+|\\[::1\\])(:|/|$)" . -}}true{{- end -}}
{{- end -}}

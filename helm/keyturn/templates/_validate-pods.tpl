{{/* Image, replicas, budgets, memory. */}}
{{- define "keyturn.check.pods" -}}
{{- $values := .root.Values -}}
{{- if and $values.image.digest (not (regexMatch "^sha256:[0-9a-f]{64}$" $values.image.digest)) -}}
{{- template "keyturn.problem" (list . (printf "image.digest is %q; a digest is sha256: and 64 hexadecimal digits." $values.image.digest)) -}}
{{- end -}}
{{- if regexMatch "(@|:[^/]*$)" $values.image.repository -}}
{{- template "keyturn.problem" (list . (printf "image.repository is %q; the tag belongs into image.tag, the digest into image.digest." $values.image.repository)) -}}
{{- end -}}
{{- template "keyturn.check.budget" . -}}
{{- template "keyturn.check.twice" . -}}
{{- $heap := regexFind "[0-9]+" (regexFind "--max-old-space-size=[0-9]+" $values.nodeOptions) -}}
{{- $limit := toString ((($values.resources).limits).memory) -}}
{{- if and $heap (regexMatch "^[0-9]+(Mi|Gi)$" $limit) -}}
{{- $mi := mul (regexFind "[0-9]+" $limit | int64) (ternary 1024 1 (hasSuffix "Gi" $limit)) -}}
{{- if ge (int64 $heap) $mi -}}
{{- template "keyturn.problem" (list . (printf "nodeOptions lets the heap grow to %s MiB and resources.limits.memory is %s, so the pod would be killed before Node frees memory: make the limit larger, or --max-old-space-size two thirds of it." $heap $limit)) -}}
{{- end -}}
{{- end -}}
{{- if and (include "keyturn.hasServer" .root) (lt (int $values.terminationGracePeriodSeconds) (add (int $values.preStopSeconds) 25 | int)) -}}
{{- template "keyturn.problem" (list . (printf "terminationGracePeriodSeconds is %d, less than preStopSeconds (%d) and the 25 s that a server takes to finish what it has begun: set it to %d or more." (int $values.terminationGracePeriodSeconds) (int $values.preStopSeconds) (add (int $values.preStopSeconds) 25))) -}}
{{- end -}}
{{- if eq (int $values.ports.http) (int $values.ports.metrics) -}}
{{- template "keyturn.problem" (list . (printf "ports.http and ports.metrics are both %d: the metrics would be on the ingress; give each its own." (int $values.ports.http))) -}}
{{- end -}}
{{- $seen := dict -}}
{{- $given := . -}}
{{- range $values.existingSecrets -}}
{{- $as := .as | default .name -}}
{{- if hasKey $seen $as -}}
{{- template "keyturn.problem" (list $given (printf "existingSecrets has two entries that are mounted as %s: give one of them another name with `as`." $as)) -}}
{{- end -}}
{{- $_ := set $seen $as true -}}
{{- end -}}
{{- end -}}

{{/* A name that the chart gives itself would be there twice: Helm 4 fails half-way, Helm 3 takes one of them without a word. */}}
{{- define "keyturn.check.twice" -}}
{{- $given := . -}}
{{- $values := .root.Values -}}
{{- $settings := dict "KEYTURN_CONFIG" "config or existingConfigMap" -}}
{{- if $values.nodeOptions -}}{{- $_ := set $settings "NODE_OPTIONS" "nodeOptions" -}}{{- end -}}
{{- range $variable := $values.extraEnv -}}
{{- with get $settings $variable.name -}}
{{- template "keyturn.problem" (list $given (printf "extraEnv sets %s, which the chart sets from %s: change it there." $variable.name .)) -}}
{{- end -}}
{{- end -}}
{{- range $values.extraVolumes -}}
{{- if regexMatch "^(config|tmp|audit|secret-[0-9]+)$" .name -}}
{{- template "keyturn.problem" (list $given (printf "extraVolumes has a volume %s, and the chart has one of this name: choose another." .name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "keyturn.check.budget" -}}
{{- $values := .root.Values -}}
{{- $budget := $values.podDisruptionBudget -}}
{{- $replicas := int $values.replicaCount -}}
{{- $min := toString $budget.minAvailable -}}
{{- $max := toString $budget.maxUnavailable -}}
{{- if and $budget.enabled (gt $replicas 1) -}}
{{- if ne $min "" -}}
{{- $stay := ternary (divf (mulf (trimSuffix "%" $min | float64) $replicas) 100 | ceil | int) (int $min) (hasSuffix "%" $min) -}}
{{- if ge $stay $replicas -}}
{{- template "keyturn.problem" (list . (printf "podDisruptionBudget.minAvailable is %s of %d replicas, so no node with a server could ever be drained: lower it, or raise replicaCount." $min $replicas)) -}}
{{- end -}}
{{- else if or (eq $max "0") (eq $max "0%") (eq $max "") -}}
{{- template "keyturn.problem" (list . "podDisruptionBudget.maxUnavailable lets no server be away, so no node with one could ever be drained: set it to 1.") -}}
{{- end -}}
{{- end -}}
{{- end -}}

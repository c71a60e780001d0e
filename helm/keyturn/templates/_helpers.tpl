{{/* Names. None is cut: a name that is too long is refused with a sentence (_validate-workload.tpl). */}}
{{- define "keyturn.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{- define "keyturn.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains (include "keyturn.name" .) .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "keyturn.name" .) -}}
{{- end -}}
{{- end -}}

{{/* What the CronJob does: `scan` beside a server, `run-once` alone. */}}
{{- define "keyturn.jobCommand" -}}
{{- if eq .Values.workload "jobOnly" -}}run-once{{- else -}}scan{{- end -}}
{{- end -}}

{{/* At most 52 characters: Kubernetes adds 11 for each Job. */}}
{{- define "keyturn.cronJobName" -}}
{{- printf "%s-%s" (include "keyturn.fullname" .) (include "keyturn.jobCommand" .) -}}
{{- end -}}

{{/* "true" when there is a Deployment, else empty. */}}
{{- define "keyturn.hasServer" -}}
{{- if eq .Values.workload "full" -}}true{{- end -}}
{{- end -}}

{{- define "keyturn.hasCronJob" -}}
{{- if or (eq .Values.workload "jobOnly") (eq .Values.schedule.mode "cronjob") -}}true{{- end -}}
{{- end -}}

{{- define "keyturn.configMapName" -}}
{{- .Values.existingConfigMap.name | default (include "keyturn.fullname" .) -}}
{{- end -}}

{{- define "keyturn.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "keyturn.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The CronJob's own account, else the server's. */}}
{{- define "keyturn.jobServiceAccountName" -}}
{{- $own := .Values.cronJob.serviceAccount -}}
{{- if $own.create -}}
{{- $own.name | default (include "keyturn.cronJobName" .) -}}
{{- else -}}
{{- $own.name | default (include "keyturn.serviceAccountName" .) -}}
{{- end -}}
{{- end -}}

{{- define "keyturn.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Never change these: a Deployment's selector cannot be changed later. */}}
{{- define "keyturn.selectorLabels" -}}
app.kubernetes.io/name: {{ include "keyturn.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* Arguments: root, component (server, job, test, or empty for what belongs to all). */}}
{{- define "keyturn.labels" -}}
{{- $own := include "keyturn.selectorLabels" . | fromYaml -}}
{{- $own = merge $own (dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))
  "app.kubernetes.io/version" (.root.Values.image.tag | default .root.Chart.AppVersion | trunc 63)
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/part-of" "keyturn") -}}
{{- merge $own (.root.Values.commonLabels | default dict) | toYaml -}}
{{- end -}}

{{/* "true" when the cluster knows a kind of the Prometheus operator, or nobody is to ask. Arguments: root, set (its values), kind. */}}
{{- define "keyturn.knowsMonitoring" -}}
{{- if or (eq .set.renderMode "alwaysRender") (.root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind)) -}}true{{- end -}}
{{- end -}}

{{- define "keyturn.rendersMonitoring" -}}
{{- if and .set.enabled (include "keyturn.hasServer" .root) (include "keyturn.knowsMonitoring" .) -}}true{{- end -}}
{{- end -}}

{{/* Seconds of a duration such as 1h30m, as Keyturn writes them. */}}
{{- define "keyturn.seconds" -}}
{{- $seconds := dict "w" 604800 "d" 86400 "h" 3600 "m" 60 "s" 1 "ms" 0 -}}
{{- $total := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[wdhms])" . -1 -}}
{{- $unit := regexFind "[a-z]+" . -}}
{{- $total = add $total (mul (regexFind "[0-9]+" . | int64) (get $seconds $unit)) -}}
{{- end -}}
{{- $total -}}
{{- end -}}

{{/* How a command is run in a pod of the image. */}}
{{- define "keyturn.cli" -}}node /app/src/cli/main.js{{- end -}}

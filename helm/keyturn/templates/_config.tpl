{{/*
The configuration file: `config` of the values, and what only the chart can know. Whoever writes one of these into `config`
as well is told so (_validate-config.tpl), so each has one place.
*/}}
{{- define "keyturn.config" -}}
{{- $config := deepCopy (.Values.config | default dict) -}}
{{- $http := merge (dict "host" "0.0.0.0" "port" .Values.ports.http "metricsPort" .Values.ports.metrics) ($config.http | default dict) -}}
{{- if and .Values.ingress.enabled .Values.ingress.host (not $http.publicUrl) -}}
{{- $_ := set $http "publicUrl" (printf "https://%s" .Values.ingress.host) -}}
{{- end -}}
{{- $_ := set $config "http" $http -}}
{{- $mode := ternary "cronjob" .Values.schedule.mode (eq .Values.workload "jobOnly") -}}
{{- $_ := set $config "schedule" (dict "mode" $mode "scan" .Values.schedule.scan "timeZone" .Values.schedule.timeZone) -}}
{{- if .Values.audit.persistence.enabled -}}
{{- $audit := merge (dict "file" (include "keyturn.auditFile" .)) ($config.audit | default dict) -}}
{{- $_ := set $config "audit" $audit -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "keyturn.auditFolder" -}}/var/lib/keyturn/audit{{- end -}}
{{- define "keyturn.auditFile" -}}{{ include "keyturn.auditFolder" . }}/audit.jsonl{{- end -}}

{{/* "true" when the audit volume can be mounted on one node at a time only. */}}
{{- define "keyturn.auditOnOneNode" -}}
{{- $audit := .Values.audit.persistence -}}
{{- if and $audit.enabled (not (has "ReadWriteMany" $audit.accessModes)) -}}true{{- end -}}
{{- end -}}

{{/* Names of the stores that are files of one host, as JSON: a pod is a host of its own, and a second one is refused while the first is at work. */}}
{{- define "keyturn.fileStores" -}}
{{- $names := list -}}
{{- range $name, $store := (.Values.config | default dict).stores -}}
{{- if eq (toString $store.type) "dotenv-file" -}}{{- $names = append $names $name -}}{{- end -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* "true" when a new server must not start before the old one has ended. */}}
{{- define "keyturn.oneServerAtATime" -}}
{{- if or (include "keyturn.auditOnOneNode" .) (include "keyturn.fileStores" . | fromJsonArray) -}}true{{- end -}}
{{- end -}}

{{/* Changes when a pod has to be made anew because it reads its configuration at the start. */}}
{{- define "keyturn.configChecksum" -}}
{{- if not .Values.existingConfigMap.name -}}
checksum/config: {{ include "keyturn.config" . | sha256sum }}
{{- end -}}
{{- end -}}

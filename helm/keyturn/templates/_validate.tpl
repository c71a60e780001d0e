{{/* Adds a sentence. Arguments: a list of what the check was given, and the sentence. */}}
{{- define "keyturn.problem" -}}
{{- $found := (index . 0).found -}}
{{- $_ := set $found "problems" (append $found.problems (index . 1)) -}}
{{- end -}}

{{/* All texts in a value, by their path. Arguments: value, at (path so far), into (mapping that is filled). */}}
{{- define "keyturn.texts" -}}
{{- $given := . -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- template "keyturn.texts" (dict "value" $value "at" (printf "%s.%s" $given.at $key) "into" $given.into) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- template "keyturn.texts" (dict "value" $value "at" (printf "%s[%d]" $given.at $index) "into" $given.into) -}}
{{- end -}}
{{- else if kindIs "string" .value -}}
{{- $_ := set .into .at .value -}}
{{- end -}}
{{- end -}}

{{/*
What is mounted at a path in the pods, as JSON: {kind, name, of, keys}; kind is secret, audit, tmp, volume or none.
Arguments: root, path. The longest mount path that contains it wins, as in the container.
*/}}
{{- define "keyturn.mountAt" -}}
{{- $root := .root -}}
{{- $path := clean .path -}}
{{- $best := dict "kind" "none" "at" "" -}}
{{- range $root.Values.existingSecrets -}}
{{- $at := printf "/etc/keyturn/secrets/%s" (.as | default .name) -}}
{{- if and (hasPrefix (printf "%s/" $at) $path) (gt (len $at) (len $best.at)) -}}
{{- $best = dict "kind" "secret" "at" $at "name" .name "keys" (.keys | default list) -}}
{{- end -}}
{{- end -}}
{{- if and $root.Values.audit.persistence.enabled (hasPrefix (printf "%s/" (include "keyturn.auditFolder" $root)) (printf "%s/" $path)) -}}
{{- $best = dict "kind" "audit" "at" (include "keyturn.auditFolder" $root) -}}
{{- end -}}
{{- if hasPrefix "/tmp/" (printf "%s/" $path) -}}
{{- $best = dict "kind" "tmp" "at" "/tmp" -}}
{{- end -}}
{{- range $mount := $root.Values.extraVolumeMounts -}}
{{- $at := clean $mount.mountPath -}}
{{- if and (hasPrefix (printf "%s/" $at) (printf "%s/" $path)) (gt (len $at) (len $best.at)) -}}
{{- $volume := dict -}}
{{- range $root.Values.extraVolumes -}}
{{- if eq .name $mount.name -}}{{- $volume = . -}}{{- end -}}
{{- end -}}
{{- $best = dict "kind" "volume" "at" $at "name" $mount.name "of" (keys (omit $volume "name") | first | default "") -}}
{{- end -}}
{{- end -}}
{{- toJson $best -}}
{{- end -}}

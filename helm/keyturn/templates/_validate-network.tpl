{{/* Ingress, public address, NetworkPolicy, monitoring. */}}
{{- define "keyturn.check.network" -}}
{{- $values := .root.Values -}}
{{- $url := toString ((($values.config).http).publicUrl | default "") -}}
{{- if and $url (not (hasPrefix "https://" $url)) -}}
{{- template "keyturn.problem" (list . (printf "config.http.publicUrl is %s; it must begin with https://, for keys and one-time links travel over it." $url)) -}}
{{- end -}}
{{- if and (include "keyturn.hasServer" .root) $values.ingress.enabled -}}
{{- if not $values.ingress.host -}}
{{- template "keyturn.problem" (list . "ingress.enabled is true and ingress.host is empty: every host name would lead here. Set ingress.host.") -}}
{{- else if not (regexMatch "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" $values.ingress.host) -}}
{{- template "keyturn.problem" (list . (printf "ingress.host is %q: write the host name alone, in lower case, such as keyturn.example.com." $values.ingress.host)) -}}
{{- else if and (hasPrefix "https://" $url) (ne (trimPrefix "https://" $url | trimSuffix "/" | splitList ":" | first) $values.ingress.host) -}}
{{- template "keyturn.problem" (list . (printf "ingress.host is %s and config.http.publicUrl is %s: links would lead elsewhere than the ingress. Remove config.http.publicUrl; the chart sets it from the host." $values.ingress.host $url)) -}}
{{- end -}}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.ingress.http.from) (not $values.networkPolicy.ingress.extra) -}}
{{- template "keyturn.problem" (list . "ingress.enabled is true, but networkPolicy.ingress.http.from is empty, so the ingress controller could not reach the pods: name its namespace there.") -}}
{{- end -}}
{{- end -}}
{{- if $values.networkPolicy.enabled -}}
{{- if not $values.networkPolicy.egress.redis.to -}}
{{- template "keyturn.problem" (list . "networkPolicy.enabled is true and networkPolicy.egress.redis.to is empty, so Redis could not be reached: name its peers there.") -}}
{{- end -}}
{{- if and (or $values.metrics.serviceMonitor.enabled $values.metrics.podMonitor.enabled) (not $values.networkPolicy.ingress.metrics.from) (not $values.networkPolicy.ingress.extra) -}}
{{- template "keyturn.problem" (list . "Metrics are to be scraped, but networkPolicy.ingress.metrics.from is empty, so Prometheus could not reach the pods: name its namespace there.") -}}
{{- end -}}
{{- end -}}
{{- $given := . -}}
{{- range $name, $kind := dict "serviceMonitor" "ServiceMonitor" "podMonitor" "PodMonitor" "prometheusRule" "PrometheusRule" -}}
{{- $set := get $values.metrics $name -}}
{{- if and $set.enabled (include "keyturn.hasServer" $given.root) (eq $set.renderMode "failIfMissing") (not (include "keyturn.knowsMonitoring" (dict "root" $given.root "set" $set "kind" $kind))) -}}
{{- template "keyturn.problem" (list $given (printf "metrics.%s.enabled is true, but this cluster does not know %s of monitoring.coreos.com/v1: install the CRDs of the Prometheus operator first, or set metrics.%s.renderMode to skipIfMissing; with `helm template` and GitOps tools, which do not ask the cluster, to alwaysRender." $name $kind $name)) -}}
{{- end -}}
{{- end -}}
{{- if and $values.metrics.serviceMonitor.enabled $values.metrics.podMonitor.enabled -}}
{{- template "keyturn.problem" (list . "metrics.serviceMonitor and metrics.podMonitor are both enabled, so every pod would be scraped twice: keep one.") -}}
{{- end -}}
{{- end -}}

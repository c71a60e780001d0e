{{/*
What the pods of the server, of the CronJob and of the test have in common.
Arguments: root, component, args (list), resources, serviceAccount (name), automount; probes (optional, YAML of the container), lifecycle.
*/}}
{{- define "keyturn.podSpec" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ .serviceAccount }}
automountServiceAccountToken: {{ .automount }}
enableServiceLinks: false
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with include "keyturn.securityContext" (dict "root" $root "given" $values.podSecurityContext) | fromYaml }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "keyturn.affinity" . | fromYaml }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: keyturn
    image: {{ include "keyturn.image" $root | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    env:
      - name: KEYTURN_CONFIG
        value: /etc/keyturn/keyturn.yaml
      {{- with $values.nodeOptions }}
      - name: NODE_OPTIONS
        value: {{ . | quote }}
      {{- end }}
      {{- with $values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with $values.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .container }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with include "keyturn.securityContext" (dict "root" $root "given" $values.securityContext) | fromYaml }}
    securityContext:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - name: config
        mountPath: /etc/keyturn
        readOnly: true
      {{- range $index, $secret := $values.existingSecrets }}
      - name: secret-{{ $index }}
        mountPath: /etc/keyturn/secrets/{{ $secret.as | default $secret.name }}
        readOnly: true
      {{- end }}
      {{- if $values.audit.persistence.enabled }}
      - name: audit
        mountPath: {{ include "keyturn.auditFolder" $root }}
      {{- end }}
      - name: tmp
        mountPath: /tmp
      {{- with $values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- if eq .component "server" }}
  {{- with $values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "keyturn.configMapName" $root }}
      items:
        - key: {{ ternary $values.existingConfigMap.key "keyturn.yaml" (ne $values.existingConfigMap.name "") }}
          path: keyturn.yaml
  {{- range $index, $secret := $values.existingSecrets }}
  - name: secret-{{ $index }}
    secret:
      secretName: {{ $secret.name }}
      # The group reads: fsGroup makes it ours, and nobody else in the pod gets in.
      defaultMode: 0440
      {{- if $secret.optional }}
      optional: true
      {{- end }}
      {{- with $secret.keys }}
      items:
        {{- range . }}
        - key: {{ . }}
          path: {{ . }}
        {{- end }}
      {{- end }}
  {{- end }}
  {{- if $values.audit.persistence.enabled }}
  - name: audit
    persistentVolumeClaim:
      claimName: {{ $values.audit.persistence.existingClaim | default (printf "%s-audit" (include "keyturn.fullname" $root)) }}
  {{- end }}
  - name: tmp
    emptyDir:
      medium: Memory
      sizeLimit: {{ $values.tmp.sizeLimit }}
  {{- with $values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* OpenShift gives each namespace its own users and refuses ours; there the fixed ids are left out. */}}
{{- define "keyturn.securityContext" -}}
{{- $adapt := .root.Values.openshift.adaptSecurityContext -}}
{{- $isOpenShift := .root.Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") $isOpenShift) -}}
{{- omit .given "runAsUser" "runAsGroup" "fsGroup" | toYaml -}}
{{- else -}}
{{- toYaml .given -}}
{{- end -}}
{{- end -}}

{{/*
A volume of one node keeps the other pods on the node of the server. Of the volume of a file store we do not know whether it is one:
beside the server it can be mounted in any case.
*/}}
{{- define "keyturn.affinity" -}}
{{- $affinity := deepCopy (.root.Values.affinity | default dict) -}}
{{- if and (ne .component "server") (include "keyturn.hasServer" .root) (include "keyturn.oneServerAtATime" .root) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "keyturn.selectorLabels" (dict "root" .root "component" "server") | fromYaml)) -}}
{{- $pods := $affinity.podAffinity | default dict -}}
{{- $_ := set $pods "requiredDuringSchedulingIgnoredDuringExecution" (append ($pods.requiredDuringSchedulingIgnoredDuringExecution | default list) $term) -}}
{{- $_ := set $affinity "podAffinity" $pods -}}
{{- end -}}
{{- toYaml $affinity -}}
{{- end -}}

{{/* Labels and annotations of a pod. */}}
{{- define "keyturn.podMetadata" -}}
labels:
  {{- merge (include "keyturn.labels" . | fromYaml) (.root.Values.podLabels | default dict) | toYaml | nindent 2 }}
{{- $annotations := merge (include "keyturn.configChecksum" .root | fromYaml) (.root.Values.podAnnotations | default dict) }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

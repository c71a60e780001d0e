/**
 * What the apiserver may decide where the chart says nothing. Each line was looked at: it is what we want, or it cannot
 * matter. A field that is not here has to be written by the chart, so that a new version of Kubernetes does not decide it.
 */
const LEFT_TO_THE_APISERVER: readonly (string | RegExp)[] = [
  // Workloads and pods.
  "progressDeadlineSeconds = 600",
  'restartPolicy = "Always"', // of a Deployment, which allows nothing else
  'dnsPolicy = "ClusterFirst"',
  'schedulerName = "default-scheduler"',
  /^serviceAccount = /, // the old name of serviceAccountName, filled from it
  'terminationMessagePath = "/dev/termination-log"',
  'terminationMessagePolicy = "File"',
  'imagePullPolicy = "IfNotPresent"', // of containers that the values add; ours say theirs
  'apiVersion = "v1"', // of a field reference in an environment variable
  // Probes: the pod serves plain HTTP inside the cluster; one answer is enough.
  'scheme = "HTTP"',
  "successThreshold = 1",
  // Volumes: what is not a Secret may be read by everybody in the pod.
  "defaultMode = 420",
  'volumeMode = "Filesystem"',
  // Services: addresses and node ports are given out by the cluster.
  /^clusterIPs? = /,
  /^nodePort = /,
  /^healthCheckNodePort = /,
  'ipFamilyPolicy = "SingleStack"',
  'ipFamilies = "IPv4"',
  'sessionAffinity = "None"',
  'internalTrafficPolicy = "Cluster"',
  'externalTrafficPolicy = "Cluster"',
  "allocateLoadBalancerNodePorts = true",
  'protocol = "TCP"',
];

/** @param added as `addedTo` gives it */
export const isLeftToTheApiserver = (added: string): boolean =>
  LEFT_TO_THE_APISERVER.some((each) => (typeof each === "string" ? each === added : each.test(added)));
